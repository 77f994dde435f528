# SPDX-License-Identifier: Apache-2.0
# Fails when a page of docs/ is not what its table makes now. -DDOCGEN= -DPAGE= -DFILE=
execute_process(COMMAND ${DOCGEN} ${PAGE} OUTPUT_VARIABLE made RESULT_VARIABLE code)
if(NOT code EQUAL 0)
  message(FATAL_ERROR "drover-docgen ${PAGE} failed: ${code}")
endif()
set(found "")
if(EXISTS ${FILE})
  file(READ ${FILE} found)
endif()
if(NOT made STREQUAL found)
  message(FATAL_ERROR "${FILE} is not what its table makes. Run:\n"
    "  cmake --build --preset dev --target docs docs-aws\nand commit the page with the table.")
endif()
