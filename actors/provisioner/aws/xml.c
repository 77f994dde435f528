/* SPDX-License-Identifier: Apache-2.0 */
#include "xml.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "drover/assert.h"
#include "strbuf.h"

#define DEPTH_MAX 32
#define SIZE_MAX_BYTES ((size_t)64 << 20)

struct open_element {
    struct aws_xml *node, *last; /* last child so far */
    struct dr_strbuf text;
};

struct reading {
    XML_Parser parser;
    struct aws_xml *root;
    struct open_element open[DEPTH_MAX];
    size_t depth;
    const char *refused; /* why we stopped; NULL: we did not */
};

static void refuse(struct reading *reading, const char *why)
{
    if (!reading->refused)
        reading->refused = why;
    XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = arg;
    (void)attributes;
    if (reading->refused)
        return;
    if (reading->depth == DEPTH_MAX) {
        refuse(reading, "its elements nest too deep");
        return;
    }
    const char *colon = strrchr(name, ':');
    const char *local = colon ? colon + 1 : name;
    size_t len = strlen(local);
    struct aws_xml *node = calloc(1, sizeof *node + len + 1);
    DR_ASSERT(node);
    node->name = memcpy(node + 1, local, len + 1);
    node->text = "";
    if (reading->depth == 0) {
        reading->root = node;
    } else {
        struct open_element *parent = &reading->open[reading->depth - 1];
        *(parent->last ? &parent->last->next : &parent->node->child) = node;
        parent->last = node;
    }
    reading->open[reading->depth++] = (struct open_element){.node = node};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct reading *reading = arg;
    (void)name;
    if (reading->refused)
        return;
    struct open_element *element = &reading->open[--reading->depth];
    size_t start = 0, end = element->text.len;
    while (start < end && is_space(element->text.data[start]))
        start++;
    while (end > start && is_space(element->text.data[end - 1]))
        end--;
    if (end > start) {
        element->node->text = strndup(element->text.data + start, end - start);
        DR_ASSERT(element->node->text);
    }
    dr_strbuf_free(&element->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *text, int len)
{
    struct reading *reading = arg;
    if (!reading->refused && reading->depth > 0)
        dr_strbuf_add(&reading->open[reading->depth - 1].text, text, (size_t)len);
}

/* No answer of AWS has one; without it no entity can be declared, so none can expand. */
static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
                               const XML_Char *public_id, int has_internal)
{
    (void)name;
    (void)system;
    (void)public_id;
    (void)has_internal;
    refuse(arg, "it declares a document type");
}

static struct aws_xml *take_root(struct reading *reading, enum XML_Status status,
                                 struct dr_error *error)
{
    for (size_t i = 0; i < reading->depth; i++)
        dr_strbuf_free(&reading->open[i].text);
    if (status == XML_STATUS_OK && !reading->refused)
        return reading->root;
    int line = (int)XML_GetCurrentLineNumber(reading->parser);
    if (reading->refused)
        dr_error_set(error, "the answer is no XML that AWS would send: %s (line %d)",
                     reading->refused, line);
    else
        dr_error_set(error, "the answer is not XML, or was cut short: %s (line %d)",
                     XML_ErrorString(XML_GetErrorCode(reading->parser)), line);
    aws_xml_free(reading->root);
    return NULL;
}

struct aws_xml *aws_xml_parse(const char *bytes, size_t len, struct dr_error *error)
{
    if (len == 0 || len > SIZE_MAX_BYTES) {
        dr_error_set(error, len == 0 ? "the answer is empty" : "the answer is too big to be read");
        return NULL;
    }
    struct reading reading = {.parser = XML_ParserCreate(NULL)};
    DR_ASSERT(reading.parser);
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, on_start, on_end);
    XML_SetCharacterDataHandler(reading.parser, on_text);
    XML_SetStartDoctypeDeclHandler(reading.parser, on_doctype);
    enum XML_Status status = XML_Parse(reading.parser, bytes, (int)len, XML_TRUE);
    struct aws_xml *root = take_root(&reading, status, error);
    XML_ParserFree(reading.parser);
    return root;
}

void aws_xml_free(struct aws_xml *root)
{
    while (root) {
        struct aws_xml *next = root->next;
        aws_xml_free(root->child); /* as deep as DEPTH_MAX */
        if (root->text[0]) {       /* STS answers with secrets */
            explicit_bzero((char *)root->text, strlen(root->text));
            free((char *)root->text);
        }
        free(root);
        root = next;
    }
}

static const struct aws_xml *named(const struct aws_xml *node, const char *name, size_t len)
{
    while (node && (strncmp(node->name, name, len) != 0 || node->name[len]))
        node = node->next;
    return node;
}

const struct aws_xml *aws_xml_child(const struct aws_xml *node, const char *name)
{
    return node ? named(node->child, name, strlen(name)) : NULL;
}

const struct aws_xml *aws_xml_again(const struct aws_xml *node)
{
    return node ? named(node->next, node->name, strlen(node->name)) : NULL;
}

const char *aws_xml_text(const struct aws_xml *node, const char *path)
{
    while (node && *path) {
        size_t len = strcspn(path, "/");
        node = named(node->child, path, len);
        path += len + (path[len] == '/');
    }
    return node ? node->text : "";
}
