# SPDX-License-Identifier: Apache-2.0
# Pure: what the pages show. A library of its own for its tests.
add_library(drover_gateway_picture STATIC compact.c picture.c picture_activity.c picture_flock.c
  picture_queues.c picture_state.c samples.c)
target_include_directories(drover_gateway_picture PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(drover_gateway_picture PUBLIC drover_proto drover_config drover_common
  drover_words PRIVATE drover_options)
