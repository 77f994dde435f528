# SPDX-License-Identifier: Apache-2.0
# One interface target carries what every object of Drover is compiled with.
add_library(drover_options INTERFACE)
target_compile_options(drover_options INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes
  -Wpointer-arith -Wwrite-strings -fno-strict-aliasing -fstack-protector-strong)
target_compile_definitions(drover_options INTERFACE _GNU_SOURCE DROVER_VERSION="${PROJECT_VERSION}")
target_include_directories(drover_options INTERFACE ${PROJECT_SOURCE_DIR}/include)
if(DROVER_SANITIZE)
  target_compile_options(drover_options INTERFACE -fsanitize=address,undefined
    -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  target_link_options(drover_options INTERFACE -fsanitize=address,undefined)
endif()
