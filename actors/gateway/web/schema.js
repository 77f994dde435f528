/* SPDX-License-Identifier: Apache-2.0
 * The configuration's schema as the gateway gives it, made handy: sections by name. */

export function handy(raw) {
  const sections = {};
  for (const section of raw.sections) sections[section.name] = section;
  return { root: raw.root, sections, secrets: raw.secrets || [] };
}

const flagged = (field, flag) => (field.flags || []).includes(flag);

/* Asked at all: not what only the file has, nor the names of files whose content is asked for. */
export function asked(field) {
  return !flagged(field, "expert") && !flagged(field, "secret_file");
}

/* Asked in an account of this driver and in its types. */
export const askedFor = (driver) => (field) =>
  asked(field) &&
  (!driver || !["aws", "local"].some((cloud) => flagged(field, cloud) && cloud !== driver));
