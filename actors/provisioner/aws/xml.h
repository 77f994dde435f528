/* SPDX-License-Identifier: Apache-2.0
 *
 * An XML answer as a small tree (expat underneath). Names are local names: prefixes and namespaces
 * are cut off, attributes are dropped. Pure.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct aws_xml {
    const char *name;
    const char *text; /* of this element itself, trimmed of white space at both ends; never NULL */
    struct aws_xml *child, *next;
};

/* The root element, or NULL with a sentence: not XML, cut short, deeper than 32, entities declared,
 * or empty. Free the root with aws_xml_free(). */
struct aws_xml *aws_xml_parse(const char *bytes, size_t len, struct dr_error *error);
void aws_xml_free(struct aws_xml *root);

/* The first child of that name, or NULL; `node` may be NULL. */
const struct aws_xml *aws_xml_child(const struct aws_xml *node, const char *name);
/* The next sibling of the same name, or NULL. */
const struct aws_xml *aws_xml_again(const struct aws_xml *node);
/* Text at a path such as "placement/availabilityZone"; "" if there is no such element. */
const char *aws_xml_text(const struct aws_xml *node, const char *path);
