# SPDX-License-Identifier: Apache-2.0
# drover_embed(TARGET SYMBOL FILE): makes FILE's bytes available to TARGET as
#   extern const unsigned char SYMBOL[]; extern const size_t SYMBOL_size;
# declared in "SYMBOL.h", which lands in TARGET's include path.
function(drover_embed target symbol file)
  get_filename_component(path ${file} ABSOLUTE)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/embed)
  add_custom_command(OUTPUT ${dir}/${symbol}.c ${dir}/${symbol}.h
    COMMAND ${CMAKE_COMMAND} -DIN=${path} -DSYMBOL=${symbol} -DDIR=${dir}
      -P ${PROJECT_SOURCE_DIR}/cmake/embed_one.cmake
    DEPENDS ${path} ${PROJECT_SOURCE_DIR}/cmake/embed_one.cmake VERBATIM)
  target_sources(${target} PRIVATE ${dir}/${symbol}.c ${dir}/${symbol}.h)
  target_include_directories(${target} PRIVATE ${dir})
endfunction()
