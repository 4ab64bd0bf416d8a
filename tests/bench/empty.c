/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Does nothing; linked with the libraries of sixgate-reconcile: what their loading costs. */
int
main (void)
{
    return 0;
}
