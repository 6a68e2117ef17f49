/* SPDX-License-Identifier: BSD-3-Clause */
/* yaml.h - a YAML file as a tree with line numbers. */
#ifndef DAVIT_YAML_H
#define DAVIT_YAML_H

#endif
