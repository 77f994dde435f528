/* SPDX-License-Identifier: Apache-2.0
 * Ends one pass over messages.def. Included several times on purpose. */
#undef RECORD
#undef END_RECORD
#undef EVENT
#undef REQUEST
#undef REPLY
#undef END_MESSAGE
#undef F_STR
#undef F_I64
#undef F_BOOL
#undef F_BIN
#undef F_STRS
#undef F_REC
#undef F_RECS
#undef RETIRED
