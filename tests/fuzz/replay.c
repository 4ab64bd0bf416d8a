/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzzer over the files and folders of the command line, as an ordinary test: each file as
 * it is, and with each of its bytes changed in turn. */
#include <stdio.h>
#include <stdint.h>

#include <glib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static unsigned
replay_file (const char *path)
{
    static const uint8_t changes[] = {0xff, 0x01, 0x80};
    g_autofree char *text = NULL;
    g_autoptr (GError) error = NULL;
    gsize size = 0;

    if (!g_file_get_contents (path, &text, &size, &error))
        g_error ("%s", error->message);
    LLVMFuzzerTestOneInput ((const uint8_t *) text, size);
    for (gsize i = 0; i < size; i++) {
        char before = text[i];

        for (size_t k = 0; k < sizeof changes; k++) {
            text[i] = (char) (before ^ changes[k]);
            LLVMFuzzerTestOneInput ((const uint8_t *) text, size);
        }
        text[i] = before;
    }
    return 1;
}

static unsigned
replay (const char *path)
{
    g_autoptr (GDir) folder = g_dir_open (path, /* flags= */ 0, /* error= */ NULL);
    const char *name;
    unsigned n = 0;

    if (!folder)
        return replay_file (path);
    while ((name = g_dir_read_name (folder)) != NULL) {
        g_autofree char *file = g_build_filename (path, name, NULL);

        n += replay_file (file);
    }
    return n;
}

int
main (int argc, char **argv)
{
    unsigned n = 0;

    for (int i = 1; i < argc; i++)
        n += replay (argv[i]);
    printf ("%u files\n", n);
    /* An empty corpus tests nothing. */
    return n > 0 ? 0 : 1;
}
