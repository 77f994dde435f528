/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Takes out of a script what only its reader needs: EC2 takes 16 kB of user data. The sources keep
 * to what is understood here, and tests compare what is left with what they mean.
 */
#pragma once

#include <stddef.h>

/*
 * Each writes at most size bytes to `to` and returns how many.
 * Shell: lines that are empty or comments, and indentation. Here-documents must begin in the first
 * column; a comment has a line of its own.
 */
size_t squeeze_shell(const char *source, size_t size, char *to);

/*
 * Python: comments, docstrings (triple quotes are nothing else, and have lines of their own), three
 * of four spaces of indentation, line ends within brackets, spaces beside operators. No string
 * spans lines.
 */
size_t squeeze_python(const char *source, size_t size, char *to);
