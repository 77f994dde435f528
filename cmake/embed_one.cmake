# SPDX-License-Identifier: Apache-2.0
file(READ ${IN} hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${DIR}/${SYMBOL}.h "#pragma once\n#include <stddef.h>\n"
  "extern const unsigned char ${SYMBOL}[];\nextern const size_t ${SYMBOL}_size;\n")
file(WRITE ${DIR}/${SYMBOL}.c "#include \"${SYMBOL}.h\"\n"
  "const unsigned char ${SYMBOL}[] = {${bytes}0x00};\n"
  "const size_t ${SYMBOL}_size = sizeof ${SYMBOL} - 1;\n")
