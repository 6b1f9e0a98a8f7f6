// SPDX-License-Identifier: MIT
//
// detail/hash/impl.hpp: the functions of skyutil/hash.hpp, at whose end this is included.

#pragma once

#include <skyutil/detail/hash/digest.hpp>          // IWYU pragma: keep
#include <skyutil/detail/hash/file_queue.hpp>      // IWYU pragma: keep
#include <skyutil/detail/hash/hash_algorithm.hpp>  // IWYU pragma: keep
#include <skyutil/detail/hash/hash_file.hpp>       // IWYU pragma: keep
