/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of an examination; for doctor*.c only. */
#pragma once

#include "core/doctor.h"

/* Appends a finding; @what and @advice are taken over. */
void sg_doctor_add (GPtrArray *findings, const SgFinding *finding);

/* doctor-rules.c: rules and routes of others, and what router advertisements brought. */
void sg_doctor_rules (const SgPatient *patient, GPtrArray *findings);
/* doctor-host.c: firewalls, settings of the kernel, tunnels, containers. */
void sg_doctor_host (const SgPatient *patient, GPtrArray *findings);
