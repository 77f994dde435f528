# SPDX-License-Identifier: Apache-2.0
foreach(unit picture picture_same samples)
  drover_unit_test(gateway_${unit}_test SOURCES ${unit}_test.c flock.c
    LIBS drover_gateway_picture PkgConfig::JANSSON)
endforeach()
