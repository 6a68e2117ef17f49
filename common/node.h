/* SPDX-License-Identifier: BSD-3-Clause */
/* node.h - what this node is called. */
#ifndef DAVIT_NODE_H
#define DAVIT_NODE_H

#define NODE_NAME_MAX 256

/* Slurm's name for the node, else the host's up to the first dot. The environment is believed. */
void node_name(char name[NODE_NAME_MAX]);

#endif
