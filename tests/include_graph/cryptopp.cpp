// SPDX-License-Identifier: MIT
//
// The check of the include graph must notice this.

#include <cryptopp/config_ver.h>
