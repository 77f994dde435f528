/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "sandbox.h"

/* What projects.c, models.c, events.c and metrics.c share with each other and offer to the other
 * handlers (beside what sandbox.h declares). */

/* The project of this name, made with all that its path needs if it is not there; *created may be
 * NULL. NULL: the call's error is set (a name too short). Borrowed. */
json_t *project_ensure(struct sandbox_call *call, const char *name, bool *created);

/* The query with include_subprojects worked into its project filter: a new reference. */
json_t *project_expand_query(struct sandbox_call *call, const json_t *query);

/* Is the document in one of these projects or below them? projects: an array of ids (null: in
 * none); NULL or empty: every document is. */
bool project_holds(struct sandbox_call *call, const json_t *doc, const json_t *projects,
                   bool subprojects);

/* A sorted copy of an array of strings: how the server stores and answers tags. */
json_t *sorted_strings(const json_t *list);

/* --- events.c: sb->events is entity id → type → events. Log lines are an array in order of
 * arrival; of other types an event replaces the one with the same iteration, metric, variant and
 * key, so they are an object. -------------------------------------------------------------------*/

/* What report_single_value sends as iteration; such events are in no histogram. */
#define EVENTS_SINGLE_VALUE (-2147483648LL)

/* Which events of an entity: NULL or negative means any. */
struct events_filter {
    const char *type;      /* NULL or "all": every type */
    const json_t *metrics; /* [{"metric": …, "variants": […]}, …] */
    const char *metric;
    const char *variant;
};

/* The events that the filter lets through, in order of arrival: a new array of borrowed events. */
json_t *events_select(struct sandbox *sb, const char *entity, const struct events_filter *filter);

/* Sorts by a number field ("timestamp", "iter"), stable; missing counts as 0. */
void events_sort(json_t *events, const char *field, bool descending);

/* The task or model (model_events in the body) of this id; NULL: error set. */
json_t *events_entity(struct sandbox_call *call, const char *id);

/* One event by one: is it a single value, has it a metric that the filter names? */
bool events_is_single(const json_t *event);

/* --- metrics.c: what a batch of scalars does to its task or model
 * --------------------------------*/

/* Takes one scalar into the summary of the batch: metric hash → variant hash → numbers. */
void metrics_collect(json_t *summary, const json_t *event, const json_t *x_axis_label);

/* Puts the summary into last_metrics and unique_metrics of the document. */
void metrics_apply(json_t *doc, const json_t *summary);
