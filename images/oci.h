/* SPDX-License-Identifier: BSD-3-Clause */
/* oci.h - OCI image and bundle configuration. */
#ifndef DAVIT_OCI_H
#define DAVIT_OCI_H

#endif
