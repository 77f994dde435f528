# SPDX-License-Identifier: Apache-2.0
# drover_embed_dir(TARGET SYMBOL DIR): every file below DIR, gzipped, as a table sorted by path:
#   struct SYMBOL_file { const char *path; const unsigned char *gzip; const size_t *size; };
#   extern const struct SYMBOL_file SYMBOL_files[]; extern const size_t SYMBOL_count;
# declared in "SYMBOL.h", which lands in TARGET's include path.
function(drover_embed_dir target symbol dir)
  file(GLOB_RECURSE paths RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}/${dir} CONFIGURE_DEPENDS
    ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/*)
  list(SORT paths)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/embed)
  file(MAKE_DIRECTORY ${out}/${symbol})
  set(externs "")
  set(rows "")
  set(number 0)
  foreach(path ${paths})
    set(one ${symbol}_${number})
    math(EXPR number "${number} + 1")
    set(gz ${out}/${symbol}/${one}.gz)
    # -n: no name and no time in it, so that the same page gives the same bytes.
    add_custom_command(OUTPUT ${out}/${one}.c ${out}/${one}.h
      COMMAND sh -c "gzip -9 -n -c \"$1\" > \"$2\"" sh ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/${path} ${gz}
      COMMAND ${CMAKE_COMMAND} -DIN=${gz} -DSYMBOL=${one} -DDIR=${out}
        -P ${PROJECT_SOURCE_DIR}/cmake/embed_one.cmake
      DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/${dir}/${path} ${PROJECT_SOURCE_DIR}/cmake/embed_one.cmake
      VERBATIM)
    target_sources(${target} PRIVATE ${out}/${one}.c)
    string(APPEND externs "extern const unsigned char ${one}[];\nextern const size_t ${one}_size;\n")
    string(APPEND rows "    {\"${path}\", ${one}, &${one}_size},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${out}/${symbol}.h CONTENT "#pragma once
#include <stddef.h>
struct ${symbol}_file {
    const char *path;
    const unsigned char *gzip;
    const size_t *size;
};
extern const struct ${symbol}_file ${symbol}_files[];
extern const size_t ${symbol}_count;
" @ONLY)
  file(CONFIGURE OUTPUT ${out}/${symbol}.c CONTENT "#include \"${symbol}.h\"
${externs}const struct ${symbol}_file ${symbol}_files[] = {
${rows}};
const size_t ${symbol}_count = sizeof ${symbol}_files / sizeof ${symbol}_files[0];
" @ONLY)
  target_sources(${target} PRIVATE ${out}/${symbol}.c)
  target_include_directories(${target} PRIVATE ${out})
endfunction()
