// SPDX-License-Identifier: MIT
//
// The check of the include graph must notice this.

#include <openssl/evp.h>
