// SPDX-License-Identifier: MIT
//
// UNIT, compiled against the version OWN_VERSION with or without exceptions: what it is told of the
// library is its own.

#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>

/// Stands for any function of the library whose body differs from version to version and between
/// the modes.
namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {
inline const char* version_and_mode() {
#if defined(__cpp_exceptions)
    return OWN_VERSION " with exceptions";
#else
    return OWN_VERSION " without exceptions";
#endif
}
}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE

#define JOIN(left, right) left##right
#define NAME(prefix, unit) JOIN(prefix, unit)

static_assert(skyutil::version == OWN_VERSION);

const char* NAME(say_, UNIT)() {
    const bool works =
        skyutil::base36_encode("deadbeef") == "1ps9wxb" && skyutil::get_cpu_count() >= 1;
    return works ? skyutil::version_and_mode() : "does not work";
}
