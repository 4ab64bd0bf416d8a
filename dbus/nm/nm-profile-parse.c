/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "nm/nm-profile-parse.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "core/contract.h"
#include "core/wg-conf.h"

/* NM_SETTING_SECRET_FLAG_NONE: NetworkManager keeps the key itself. A peer without a key has other
 * flags, or none are said. */
#define SECRET_FLAG_NONE 0u

/* ---- walking ---- */

/* Reads, or skips, what stands behind the key @name. */
typedef int (*ReadEntry) (sd_bus_message *m, const char *name, void *data);

/* An array of dictionary entries; @entry is their signature, "sv" or "sa{sv}". */
static int
walk (sd_bus_message *m, const char *entry, ReadEntry read, void *data)
{
    g_autofree char *array = g_strdup_printf ("{%s}", entry);
    int r = sd_bus_message_enter_container (m, 'a', array);

    while (r >= 0 && (r = sd_bus_message_enter_container (m, 'e', entry)) > 0) {
        const char *name;

        r = sd_bus_message_read_basic (m, 's', &name);
        if (r >= 0)
            r = read (m, name, data);
        if (r >= 0)
            r = sd_bus_message_exit_container (m);
    }
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

/* A variant that is a list of dictionaries (aa{sv}); @item reads one of them. */
static int
walk_list (sd_bus_message *m, int (*item) (sd_bus_message *m, void *data), void *data)
{
    int r = sd_bus_message_enter_container (m, 'v', "aa{sv}");

    if (r >= 0)
        r = sd_bus_message_enter_container (m, 'a', "a{sv}");
    while (r >= 0 && (r = sd_bus_message_at_end (m, /* complete= */ false)) == 0)
        r = item (m, data);
    if (r >= 0)
        r = sd_bus_message_exit_container (m);
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

/* ---- peers ---- */

/* What both answers say of a peer. Strings point into the message. */
typedef struct {
    const char *public_key, *preshared_key; /* NULL: not said */
    uint32_t flags;
} RawPeer;

static int
read_peer_property (sd_bus_message *m, const char *name, void *data)
{
    RawPeer *peer = data;

    if (strcmp (name, "public-key") == 0)
        return sd_bus_message_read (m, "v", "s", &peer->public_key);
    if (strcmp (name, "preshared-key") == 0)
        return sd_bus_message_read (m, "v", "s", &peer->preshared_key);
    if (strcmp (name, "preshared-key-flags") == 0)
        return sd_bus_message_read (m, "v", "u", &peer->flags);
    return sd_bus_message_skip (m, "v");
}

static int
read_peer (sd_bus_message *m, RawPeer *peer, SgWgRawKey *public_key)
{
    int r;

    *peer = (RawPeer) {.flags = UINT32_MAX};
    r = walk (m, "sv", read_peer_property, peer);
    if (r >= 0 && (!peer->public_key || !sg_wg_key_decode (peer->public_key, public_key)))
        return -EBADMSG;
    return r;
}

/* ---- settings ---- */

static int
read_settings_peer (sd_bus_message *m, void *data)
{
    SgWireguardProfile *profile = data;
    SgWgRawKey public_key;
    RawPeer peer;
    int r = read_peer (m, &peer, &public_key);

    if (r >= 0 && peer.flags == SECRET_FLAG_NONE)
        g_array_append_val (profile->preshared, public_key);
    return r;
}

static int
read_wireguard (sd_bus_message *m, const char *name, void *data)
{
    SgWireguardProfile *profile = data;

    if (strcmp (name, "fwmark") == 0)
        return sd_bus_message_read (m, "v", "u", &profile->fwmark);
    if (strcmp (name, "peers") == 0)
        return walk_list (m, read_settings_peer, profile);
    return sd_bus_message_skip (m, "v");
}

typedef struct {
    const char *ip;
    uint32_t len;
} RawAddress;

static int
read_address_property (sd_bus_message *m, const char *name, void *data)
{
    RawAddress *address = data;

    if (strcmp (name, "address") == 0)
        return sd_bus_message_read (m, "v", "s", &address->ip);
    if (strcmp (name, "prefix") == 0)
        return sd_bus_message_read (m, "v", "u", &address->len);
    return sd_bus_message_skip (m, "v");
}

static int
read_address (sd_bus_message *m, void *data)
{
    SgWireguardProfile *profile = data;
    RawAddress raw = {"", 0};
    SgWgAddress address;
    int r = walk (m, "sv", read_address_property, &raw);

    if (r < 0)
        return r;
    if (!sg_ip_parse (raw.ip, &address.ip) || raw.len > sg_family_bits (address.ip.family))
        return -EBADMSG;
    address.len = (uint8_t) raw.len;
    g_array_append_val (profile->addresses, address);
    return 0;
}

static int
read_ip (sd_bus_message *m, const char *name, void *data)
{
    if (strcmp (name, "address-data") == 0)
        return walk_list (m, read_address, data);
    return sd_bus_message_skip (m, "v");
}

/* What is behind the key @name of the user setting, when that is its data: a variant with a{ss}. @entry
 * reads one of it, and answers as sd_bus_message_read(3). */
static int
walk_user (sd_bus_message *m, const char *name, int (*entry) (sd_bus_message *m, void *data),
           void *data)
{
    int r;

    if (strcmp (name, "data") != 0)
        return sd_bus_message_skip (m, "v");
    r = sd_bus_message_enter_container (m, 'v', "a{ss}");
    if (r >= 0)
        r = sd_bus_message_enter_container (m, 'a', "{ss}");
    while (r >= 0 && (r = entry (m, data)) > 0)
        ;
    if (r >= 0)
        r = sd_bus_message_exit_container (m);
    return r < 0 ? r : sd_bus_message_exit_container (m);
}

/* The value points into the message. A type that is none is not said. Lists of name servers are read
 * where they are decided on. */
static int
read_user_entry (sd_bus_message *m, void *data)
{
    SgWireguardProfile *profile = data;
    const char *key, *value;
    int r = sd_bus_message_read (m, "{ss}", &key, &value);

    if (r <= 0)
        return r;
    if (strcmp (key, SG_USER_TYPE) == 0)
        sg_wg_type_from_string (value, &profile->type);
    else if (strcmp (key, SG_USER_DNS) == 0)
        profile->dns = g_intern_string (value);
    else if (strcmp (key, SG_USER_DNS_SEARCH) == 0)
        profile->dns_search = g_intern_string (value);
    return r;
}

static int
read_user (sd_bus_message *m, const char *name, void *data)
{
    return walk_user (m, name, read_user_entry, data);
}

static int
read_setting (sd_bus_message *m, const char *name, void *data)
{
    if (strcmp (name, "wireguard") == 0)
        return walk (m, "sv", read_wireguard, data);
    if (strcmp (name, "ipv4") == 0 || strcmp (name, "ipv6") == 0)
        return walk (m, "sv", read_ip, data);
    if (strcmp (name, "user") == 0)
        return walk (m, "sv", read_user, data);
    return sd_bus_message_skip (m, "a{sv}");
}

static bool
parse (sd_bus_message *reply, ReadEntry read, void *data, GError **error)
{
    int r = walk (reply, "sa{sv}", read, data);

    if (r >= 0)
        return true;
    sg_error_set_errno (error, SG_ERROR_FAILED, -r,
                        "cannot understand NetworkManager's answer about the profile");
    return false;
}

bool
sg_nm_parse_profile (sd_bus_message *reply, SgWireguardProfile *profile, GError **error)
{
    return parse (reply, read_setting, profile, error);
}

/* ---- in short ---- */

void
sg_nm_summary_free (SgNmSummary *summary)
{
    if (!summary)
        return;
    g_free (summary->interface);
    g_free (summary->kind);
    g_free (summary->uuid);
    g_free (summary->type);
    g_free (summary);
}

static int
read_text (sd_bus_message *m, char **text)
{
    const char *value;
    int r = sd_bus_message_read (m, "v", "s", &value);

    if (r < 0)
        return r;
    g_free (*text);
    *text = g_strdup (value);
    return r;
}

static int
read_connection (sd_bus_message *m, const char *name, void *data)
{
    SgNmSummary *summary = data;

    if (strcmp (name, "interface-name") == 0)
        return read_text (m, &summary->interface);
    if (strcmp (name, "type") == 0)
        return read_text (m, &summary->kind);
    if (strcmp (name, "uuid") == 0)
        return read_text (m, &summary->uuid);
    return sd_bus_message_skip (m, "v");
}

static int
read_summary_entry (sd_bus_message *m, void *data)
{
    SgNmSummary *summary = data;
    const char *key, *value;
    int r = sd_bus_message_read (m, "{ss}", &key, &value);

    if (r > 0 && strcmp (key, SG_USER_TYPE) == 0) {
        g_free (summary->type);
        summary->type = g_strdup (value);
    }
    return r;
}

static int
read_summary_user (sd_bus_message *m, const char *name, void *data)
{
    return walk_user (m, name, read_summary_entry, data);
}

static int
read_summary (sd_bus_message *m, const char *name, void *data)
{
    if (strcmp (name, "connection") == 0)
        return walk (m, "sv", read_connection, data);
    if (strcmp (name, "user") == 0)
        return walk (m, "sv", read_summary_user, data);
    return sd_bus_message_skip (m, "a{sv}");
}

SgNmSummary *
sg_nm_parse_summary (sd_bus_message *reply, GError **error)
{
    g_autoptr (SgNmSummary) summary = g_new0 (SgNmSummary, 1);

    summary->interface = g_strdup ("");
    summary->kind = g_strdup ("");
    summary->uuid = g_strdup ("");
    summary->type = g_strdup ("");
    return parse (reply, read_summary, summary, error) ? g_steal_pointer (&summary) : NULL;
}

/* ---- secrets ---- */

typedef struct {
    uint32_t ifindex;
    SgKeyring *keyring;
} Taking;

static int
read_secret_peer (sd_bus_message *m, void *data)
{
    const Taking *taking = data;
    SgWgRawKey public_key, preshared = {0};
    RawPeer peer;
    int r = read_peer (m, &peer, &public_key);

    if (r < 0 || !peer.preshared_key)
        return r;
    if (!sg_wg_key_decode (peer.preshared_key, &preshared))
        return -EBADMSG;
    if (sg_wg_key_is_set (&preshared))
        sg_keyring_add (taking->keyring, taking->ifindex, &public_key, &preshared);
    explicit_bzero (&preshared, sizeof preshared);
    return 0;
}

static int
read_secret_property (sd_bus_message *m, const char *name, void *data)
{
    if (strcmp (name, "peers") == 0)
        return walk_list (m, read_secret_peer, data);
    return sd_bus_message_skip (m, "v");
}

static int
read_secrets (sd_bus_message *m, const char *name, void *data)
{
    if (strcmp (name, "wireguard") == 0)
        return walk (m, "sv", read_secret_property, data);
    return sd_bus_message_skip (m, "a{sv}");
}

bool
sg_nm_parse_secrets (sd_bus_message *reply, uint32_t ifindex, SgKeyring *keyring, GError **error)
{
    Taking taking = {ifindex, keyring};

    return parse (reply, read_secrets, &taking, error);
}
