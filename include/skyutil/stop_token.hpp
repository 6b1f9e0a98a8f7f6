// SPDX-License-Identifier: MIT
//
// skyutil/stop_token.hpp: how a call that may take long is told to end.
//
//     skyutil::stop_source source;
//     std::thread other([&] { skyutil::run({"make"}, {.stop = source.get_token()}); });
//     source.request_stop();
//
// These are the names of the standard library where it has them. libc++ has them from version 20
// on, and before that with -fexperimental-library; without, classes of skyutil with the same
// members stand in. Object files of both kinds can be linked into one program.
//
// **Source**: the C++ standard, [thread.stoptoken].

#pragma once

#include <skyutil/detail/base/compiler.hpp>
#include <skyutil/version.hpp>

#include <version>

#if defined(__cpp_lib_jthread)
#include <stop_token>
#else
#include <skyutil/detail/stop_token/own_stop_token.hpp>
#endif

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

#if defined(__cpp_lib_jthread)
using std::nostopstate;
using std::nostopstate_t;
using std::stop_callback;
using std::stop_source;
using std::stop_token;
#else
using detail::own_stop::nostopstate;
using detail::own_stop::nostopstate_t;
using detail::own_stop::stop_callback;
using detail::own_stop::stop_source;
using detail::own_stop::stop_token;
#endif

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
