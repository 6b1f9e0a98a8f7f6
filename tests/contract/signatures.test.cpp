// SPDX-License-Identifier: MIT
//
// What programs are compiled against: names, signatures, noexcept. A failure here is a change that
// users notice.

#include <skyutil/skyutil.hpp>
#include <skyutil/stop_token.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using std::size_t;
using std::string;
using std::string_view;
using path = std::filesystem::path;
using lines = std::vector<string>;

/// That an overload with exactly these types exists; without noexcept it may be noexcept all the
/// same.
template <class Function>
consteval bool is_function(Function*) {
    return true;
}

// What calls return, for templates and default arguments.
template <class Result, class Call>
consteval bool returns(Call) {
    return std::same_as<std::invoke_result_t<Call>, Result>;
}

}  // namespace

// ------------------------------------------------------------------------------------------
// version

static_assert(std::same_as<skyutil::sysroot, skyutil::v0_1::sysroot>,
              "the inline namespace is named after the version");
static_assert(SKYUTIL_VERSION_MAJOR == 0);
static_assert(std::same_as<decltype(skyutil::version), const string_view>);

// ------------------------------------------------------------------------------------------
// strings

static_assert(is_function<string(string_view)>(&skyutil::base36_encode));
static_assert(returns<string>([] { return skyutil::base36_encode(std::uint8_t{1}); }));
static_assert(returns<string>([] { return skyutil::base36_encode(std::uint64_t{1}); }));
static_assert(returns<string>([] { return skyutil::base36_encode("ff"); }));
static_assert(returns<string>([] { return skyutil::base36_encode(string("ff")); }));
static_assert(is_function<string(string_view)>(&skyutil::base36_decode));
static_assert(is_function<std::uint64_t(string_view)>(&skyutil::base36_decode<std::uint64_t>));
static_assert(is_function<std::uint8_t(string_view)>(&skyutil::base36_decode<std::uint8_t>));
static_assert(
    is_function<std::to_chars_result(char*, char*, string_view)>(&skyutil::base36_to_chars));
static_assert(is_function<string(double, int)>(&skyutil::format_float));
static_assert(returns<string>([] { return skyutil::format_float(1.5); }));
static_assert(returns<string>([] { return skyutil::format_float(1); }));
static_assert(returns<string>([] { return skyutil::format_float(std::uint64_t{1}, 3); }));
static_assert(is_function<string(double, int)>(&skyutil::format_compact));
static_assert(returns<string>([] { return skyutil::format_compact(1.5); }));
static_assert(is_function<string(string_view, size_t, skyutil::truncate_mode)>(
    &skyutil::truncate_long_string));
static_assert(
    is_function<string(string_view, skyutil::truncate_options)>(&skyutil::truncate_long_string));
static_assert(returns<string>([] { return skyutil::truncate_long_string("text"); }));
static_assert(returns<string>([] { return skyutil::truncate_long_string("text", 3); }));
static_assert(returns<string>([] {
    return skyutil::truncate_long_string("text", {.max_length = 3, .placeholder = ""});
}));
static_assert(std::same_as<decltype(skyutil::truncate_options::max_length), size_t>);
static_assert(std::same_as<decltype(skyutil::truncate_options::mode), skyutil::truncate_mode>);
static_assert(std::same_as<decltype(skyutil::truncate_options::placeholder), string_view>);
static_assert(skyutil::truncate_options{}.max_length == 35);
static_assert(skyutil::truncate_options{}.mode == skyutil::truncate_mode::word);
static_assert(skyutil::truncate_options{}.placeholder == "...");
static_assert(skyutil::truncate_mode::word != skyutil::truncate_mode::middle);
static_assert(skyutil::truncate_mode::middle != skyutil::truncate_mode::exact);

// --------------------------------------------------------------------------------------------
// files

static_assert(is_function<lines(const path&, size_t, const skyutil::tail_options&)>(
    &skyutil::read_last_n_lines));
static_assert(is_function<lines(const path&, size_t, const skyutil::tail_options&,
                                std::error_code&)>(&skyutil::read_last_n_lines));
static_assert(
    is_function<lines(const path&, size_t, std::error_code&)>(&skyutil::read_last_n_lines));
static_assert(returns<lines>([] { return skyutil::read_last_n_lines("name", 1); }));
static_assert(returns<lines>([] {
    return skyutil::read_last_n_lines("name", 1,
                                      {.line_end = skyutil::line_end::keep, .max_bytes = 1});
}));
static_assert(std::same_as<decltype(skyutil::tail_options::line_end), skyutil::line_end>);
static_assert(std::same_as<decltype(skyutil::tail_options::invalid_utf8), skyutil::invalid_utf8>);
static_assert(std::same_as<decltype(skyutil::tail_options::max_bytes), size_t>);
static_assert(skyutil::line_end::strip_crlf != skyutil::line_end::keep);
static_assert(skyutil::line_end::any != skyutil::line_end::terminal);
static_assert(std::same_as<decltype(skyutil::tail_options::stop), skyutil::stop_token>);
static_assert(returns<lines>([] {
    return skyutil::read_last_n_lines(
        "name", 1, {.stop = {}, .line_end = skyutil::line_end::any, .max_bytes = 1});
}));
static_assert(skyutil::invalid_utf8::keep != skyutil::invalid_utf8::replace);
static_assert(is_function<size_t(const path&)>(&skyutil::count_directory_entries));
static_assert(
    is_function<size_t(const path&, std::error_code&) noexcept>(&skyutil::count_directory_entries));

static_assert(!std::copyable<skyutil::unique_fd> && std::movable<skyutil::unique_fd>);
static_assert(std::is_nothrow_default_constructible_v<skyutil::unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<skyutil::unique_fd>);
static_assert(std::is_nothrow_move_assignable_v<skyutil::unique_fd>);
static_assert(std::is_nothrow_destructible_v<skyutil::unique_fd>);
static_assert(std::is_nothrow_swappable_v<skyutil::unique_fd>);
static_assert(std::is_nothrow_constructible_v<skyutil::unique_fd, int> &&
              !std::convertible_to<int, skyutil::unique_fd>);
static_assert(!std::convertible_to<skyutil::unique_fd, bool> &&
              !std::convertible_to<skyutil::unique_fd, int>);
static_assert(std::same_as<decltype(std::declval<const skyutil::unique_fd&>().get()), int>);
static_assert(std::same_as<decltype(std::declval<skyutil::unique_fd&>().release()), int>);
static_assert(std::equality_comparable<skyutil::unique_fd>);

template <class T>
concept holder = !std::copyable<T> && std::movable<T> && std::is_nothrow_destructible_v<T> &&
                 std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>;

static_assert(holder<skyutil::file_tail> && holder<skyutil::mapped_file> &&
              holder<skyutil::temporary_file> && holder<skyutil::temporary_directory>);
static_assert(std::constructible_from<skyutil::file_tail, const path&, size_t>);
static_assert(std::constructible_from<skyutil::file_tail, const path&, size_t, std::error_code&>);
static_assert(
    std::constructible_from<skyutil::file_tail, const path&, size_t, const skyutil::tail_options&>);
static_assert(std::constructible_from<skyutil::file_tail, const path&, size_t,
                                      const skyutil::tail_options&, std::error_code&>);
static_assert(std::same_as<decltype(std::declval<const skyutil::file_tail&>().lines()),
                           std::span<const string_view>>);
static_assert(std::constructible_from<skyutil::mapped_file, const path&> &&
              std::is_nothrow_constructible_v<skyutil::mapped_file, const path&, std::error_code&>);
static_assert(std::same_as<decltype(std::declval<const skyutil::mapped_file&>().bytes()),
                           std::span<const std::byte>>);
static_assert(
    std::same_as<decltype(std::declval<const skyutil::mapped_file&>().text()), string_view>);
static_assert(std::same_as<decltype(std::declval<const skyutil::mapped_file&>().size()), size_t>);

template <class T>
concept temporary = requires(T made, const T& kept, std::error_code& error) {
    T();
    T(error);
    T(path());
    T(path(), error);
    { kept.path() } noexcept -> std::same_as<const path&>;
    { kept.native_handle() } noexcept -> std::same_as<int>;
    { made.release() } -> std::same_as<path>;
    { made.remove() } -> std::same_as<void>;
    { made.remove(error) } -> std::same_as<void>;
};
static_assert(temporary<skyutil::temporary_file> && temporary<skyutil::temporary_directory>);
static_assert(
    std::same_as<decltype(std::declval<const skyutil::file_tail&>().end_offset()), std::uint64_t>);
static_assert(is_function<void(const path&, string_view)>(&skyutil::write_file_atomic));
static_assert(
    is_function<skyutil::write_method(const path&, string_view, const skyutil::write_options&)>(
        &skyutil::write_file_atomic));
static_assert(
    is_function<skyutil::write_method(const path&, string_view, const skyutil::write_options&,
                                      std::error_code&)>(&skyutil::write_file_atomic));
static_assert(!skyutil::write_options{}.in_place_if_needed);
static_assert(skyutil::write_method::renamed != skyutil::write_method::in_place);
static_assert(
    is_function<void(const path&, string_view, std::error_code&)>(&skyutil::write_file_atomic));

// ---------------------------------------------------------------------------------------------
// follow

static_assert(holder<skyutil::file_follower> && holder<skyutil::file_follower_set>);
static_assert(std::constructible_from<skyutil::file_follower, const path&>);
static_assert(
    std::constructible_from<skyutil::file_follower, const path&, const skyutil::follow_options&>);
static_assert(std::constructible_from<skyutil::file_follower, const path&,
                                      const skyutil::follow_options&, std::error_code&>);
template <class T>
concept follower = requires(T of, const T& kept, std::error_code& error) {
    { of.next(std::chrono::hours(1)) } -> std::same_as<std::optional<skyutil::follow_event>>;
    {
        of.next(std::chrono::duration<float>(1), error)
    } -> std::same_as<std::optional<skyutil::follow_event>>;
    { kept.native_handle() } noexcept -> std::same_as<int>;
};
static_assert(follower<skyutil::file_follower> && follower<skyutil::file_follower_set>);
static_assert(returns<skyutil::follow_position>([] {
    return skyutil::file_follower("name").position();
}));
static_assert(returns<void>([] { skyutil::follow_file("name", [](string_view) {}); }));
static_assert(returns<void>([] {
    std::error_code error;
    skyutil::follow_file("name", [](string_view) { return true; }, {.by_name = false}, error);
}));
static_assert(!skyutil::line_consumer<void (*)()>);
static_assert(std::same_as<decltype(skyutil::follow_event::text), string_view>);

// ---------------------------------------------------------------------------------------------
// hash

static_assert(is_function<skyutil::hash_algorithm(string_view)>(&skyutil::parse_hash_algorithm));
static_assert(
    is_function<skyutil::digest(const path&, skyutil::hash_algorithm)>(&skyutil::hash_file));
static_assert(is_function<skyutil::digest(const path&, string_view)>(&skyutil::hash_file));
static_assert(is_function<skyutil::digest(const path&, std::error_code&)>(&skyutil::hash_file));
static_assert(is_function<skyutil::digest(const path&, skyutil::hash_algorithm, std::error_code&)>(
    &skyutil::hash_file));
static_assert(
    is_function<skyutil::digest(const path&, string_view, std::error_code&)>(&skyutil::hash_file));
static_assert(is_function<skyutil::digest(std::span<const std::byte>, skyutil::hash_algorithm)>(
    &skyutil::hash_bytes));
static_assert(returns<skyutil::digest>([] { return skyutil::hash_file("name"); }));
static_assert(returns<skyutil::digest>([] {
    return skyutil::hash_file("name", skyutil::hash_algorithm::md5, {.stop = {}});
}));
static_assert(returns<skyutil::digest>([] {
    return skyutil::hash_file("name", "md5", {.stop = {}});
}));
static_assert(returns<skyutil::digest>([] { return skyutil::hash_file("name", "sha256"); }));
static_assert(returns<skyutil::digest>([] {
    return skyutil::hash_file("name", skyutil::hash_algorithm::md5);
}));
static_assert(returns<skyutil::digest>([] {
    return skyutil::hash_file<CryptoPP::SHA256>("name");
}));
static_assert(returns<std::array<skyutil::digest, 2>>([] {
    return skyutil::hash_file<CryptoPP::SHA256, CryptoPP::Weak1::MD5>("name");
}));
static_assert(returns<std::vector<skyutil::file_digest>>([] {
    return skyutil::hash_files(std::vector<path>());
}));
static_assert(returns<std::vector<skyutil::file_digest>>([] {
    return skyutil::hash_files({"a", "b"}, skyutil::hash_algorithm::md5,
                               {.threads = 2, .progress = [](std::uint64_t, size_t) {}});
}));
static_assert(returns<std::vector<skyutil::file_digest>>([] {
    return skyutil::hash_files<CryptoPP::SHA256>(std::span<const string>(), {.threads = 2});
}));
static_assert(std::same_as<decltype(skyutil::hash_files_options::threads), int>);
static_assert(std::same_as<decltype(skyutil::hash_files_options::progress),
                           std::function<void(std::uint64_t, size_t)>>);
static_assert(std::same_as<decltype(skyutil::hash_files_options::stop), skyutil::stop_token>);
static_assert(std::same_as<decltype(skyutil::file_digest::path), path>);
static_assert(std::same_as<decltype(skyutil::file_digest::digest), skyutil::digest>);
static_assert(std::same_as<decltype(skyutil::file_digest::error), std::error_code>);
static_assert(skyutil::path_range<std::vector<string>> && !skyutil::path_range<string> &&
              !skyutil::path_range<path> && !skyutil::path_range<const char*> &&
              !skyutil::path_range<std::vector<char>>);
static_assert(returns<skyutil::digest>([] {
    return skyutil::hash_buffers(std::vector<std::span<const std::byte>>(),
                                 skyutil::hash_algorithm::md5);
}));
static_assert(std::copyable<skyutil::incremental_hash>);
static_assert(!std::convertible_to<skyutil::hash_algorithm, skyutil::incremental_hash> &&
              !std::convertible_to<string_view, skyutil::incremental_hash>);
static_assert(std::regular<skyutil::digest> && std::totally_ordered<skyutil::digest>);
static_assert(std::is_nothrow_copy_constructible_v<skyutil::digest>);
static_assert(std::same_as<decltype(std::declval<const skyutil::digest&>().bytes()),
                           std::span<const std::byte>>);
static_assert(std::same_as<decltype(std::declval<const skyutil::digest&>().hex()), string>);
static_assert(is_function<skyutil::digest(string_view)>(&skyutil::digest::from_hex));
static_assert(
    std::same_as<decltype(std::hash<skyutil::digest>()(std::declval<skyutil::digest>())), size_t>);
static_assert([] {
    using enum skyutil::hash_algorithm;
    return std::array{md5,    sha1,     sha224,   sha256,  sha384,
                      sha512, sha3_256, sha3_512, blake2b, blake2s}
        .size();
}() == 10);

// --------------------------------------------------------------------------------------------
// ports

static_assert(is_function<std::uint16_t(std::uint16_t, const skyutil::port_options&)>(
    &skyutil::find_free_port));
static_assert(is_function<std::uint16_t(std::uint16_t, const skyutil::port_options&,
                                        std::error_code&) noexcept>(&skyutil::find_free_port));
static_assert(
    is_function<std::uint16_t(std::uint16_t, std::error_code&) noexcept>(&skyutil::find_free_port));
static_assert(returns<std::uint16_t>([] { return skyutil::find_free_port(); }));
static_assert(returns<std::uint16_t>([] { return skyutil::find_free_port(8000, {.last = 8100}); }));
static_assert(
    is_function<bool(std::uint16_t, const skyutil::port_options&)>(&skyutil::is_port_available));
static_assert(is_function<bool(std::uint16_t, const skyutil::port_options&,
                               std::error_code&) noexcept>(&skyutil::is_port_available));
static_assert(
    is_function<bool(std::uint16_t, std::error_code&) noexcept>(&skyutil::is_port_available));
static_assert(returns<bool>([] { return skyutil::is_port_available(80); }));
static_assert(skyutil::port_options{}.address == skyutil::port_address::any);
static_assert(skyutil::port_options{}.family == skyutil::port_family::both);
static_assert(skyutil::port_options{}.protocol == skyutil::port_protocol::tcp);
static_assert(skyutil::port_options{}.last == 65535);
static_assert(skyutil::port_options{}.hold == skyutil::port_hold::exclusive);
static_assert(skyutil::port_hold::exclusive != skyutil::port_hold::hand_over);
static_assert(std::same_as<decltype(skyutil::port_options::last), std::uint16_t>);
static_assert(skyutil::port_address::any != skyutil::port_address::loopback);
static_assert(skyutil::port_family::ipv4 != skyutil::port_family::ipv6 &&
              skyutil::port_protocol::udp != skyutil::port_protocol::both);
static_assert(std::is_nothrow_move_constructible_v<skyutil::reserved_port>);
static_assert(std::is_nothrow_move_assignable_v<skyutil::reserved_port>);
static_assert(!std::is_copy_constructible_v<skyutil::reserved_port>);
static_assert(!std::is_copy_assignable_v<skyutil::reserved_port>);
static_assert(std::is_nothrow_destructible_v<skyutil::reserved_port>);
static_assert(std::is_default_constructible_v<skyutil::reserved_port>);
static_assert(std::is_constructible_v<skyutil::reserved_port, std::uint16_t>);
static_assert(
    std::is_constructible_v<skyutil::reserved_port, std::uint16_t, const skyutil::port_options&>);
static_assert(std::is_nothrow_constructible_v<skyutil::reserved_port, std::error_code&>);
static_assert(
    std::is_nothrow_constructible_v<skyutil::reserved_port, std::uint16_t, std::error_code&>);
static_assert(std::is_nothrow_constructible_v<skyutil::reserved_port, std::uint16_t,
                                              const skyutil::port_options&, std::error_code&>);
static_assert(!std::is_convertible_v<std::uint16_t, skyutil::reserved_port>);
static_assert(!std::is_convertible_v<skyutil::reserved_port, bool>);
static_assert(std::same_as<skyutil::reserved_port::native_handle_type, int>);
static_assert(noexcept(std::declval<const skyutil::reserved_port&>().port()));
static_assert(
    std::same_as<decltype(std::declval<const skyutil::reserved_port&>().port()), std::uint16_t>);
static_assert(noexcept(std::declval<const skyutil::reserved_port&>().native_handle()));
static_assert(
    std::same_as<decltype(std::declval<const skyutil::reserved_port&>().native_handle()), int>);
static_assert(noexcept(std::declval<skyutil::reserved_port&>().release()));
static_assert(std::same_as<decltype(std::declval<skyutil::reserved_port&>().release()), int>);
static_assert(noexcept(bool(std::declval<const skyutil::reserved_port&>())));
static_assert(returns<void>([] { skyutil::reserved_port().listen(); }));
static_assert(returns<void>([] { skyutil::reserved_port().listen(5); }));
static_assert(
    noexcept(std::declval<skyutil::reserved_port&>().listen(5, std::declval<std::error_code&>())));
static_assert(
    noexcept(std::declval<skyutil::reserved_port&>().listen(std::declval<std::error_code&>())));
static_assert(is_function<std::vector<skyutil::reserved_port>(
                  size_t, std::uint16_t, const skyutil::port_options&)>(&skyutil::reserve_ports));
static_assert(is_function<std::vector<skyutil::reserved_port>(
                  size_t, std::uint16_t, const skyutil::port_options&, std::error_code&)>(
    &skyutil::reserve_ports));
static_assert(
    is_function<std::vector<skyutil::reserved_port>(size_t, std::uint16_t, std::error_code&)>(
        &skyutil::reserve_ports));
static_assert(is_function<std::vector<skyutil::reserved_port>(size_t, std::error_code&)>(
    &skyutil::reserve_ports));
static_assert(returns<std::vector<skyutil::reserved_port>>([] {
    return skyutil::reserve_ports(3);
}));
static_assert(returns<std::vector<skyutil::reserved_port>>([] {
    return skyutil::reserve_ports(3, 8000, {.last = 8100, .hold = skyutil::port_hold::hand_over});
}));

// -------------------------------------------------------------------------------------------
// system

static_assert(is_function<int()>(&skyutil::get_cpu_count));
static_assert(is_function<int(std::error_code&)>(&skyutil::get_cpu_count));
static_assert(is_function<double()>(&skyutil::get_mem_size_gb));
static_assert(is_function<double(std::error_code&)>(&skyutil::get_mem_size_gb));
static_assert(is_function<skyutil::cpu_budget(const skyutil::sysroot&)>(&skyutil::get_cpu_budget));
static_assert(is_function<skyutil::cpu_budget(const skyutil::sysroot&, std::error_code&)>(
    &skyutil::get_cpu_budget));
static_assert(
    is_function<skyutil::memory_budget(const skyutil::sysroot&)>(&skyutil::get_memory_budget));
static_assert(is_function<skyutil::memory_budget(const skyutil::sysroot&, std::error_code&)>(
    &skyutil::get_memory_budget));
static_assert(returns<skyutil::cpu_budget>([] { return skyutil::get_cpu_budget(); }));
static_assert(returns<skyutil::memory_budget>([] {
    return skyutil::get_memory_budget(skyutil::sysroot{"/copy"});
}));
static_assert(std::same_as<decltype(skyutil::sysroot::path), path>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::online), std::optional<int>>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::affinity), std::optional<int>>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::cpuset), std::optional<int>>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::quota), std::optional<double>>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::request), std::optional<double>>);
static_assert(std::same_as<decltype(skyutil::cpu_budget::override_value), std::optional<double>>);
static_assert(is_function<string_view(skyutil::limit_kind) noexcept>(&skyutil::to_string));
static_assert(std::same_as<decltype(skyutil::cpu_budget{}.usable()), int>);
static_assert(std::same_as<decltype(skyutil::cpu_budget{}.usable(skyutil::rounding::ceil)), int>);
static_assert(noexcept(skyutil::cpu_budget{}.usable(skyutil::rounding::nearest)));
static_assert(
    std::same_as<decltype(skyutil::cpu_budget{}.limiting_factor()), skyutil::limit_source>);
static_assert(
    std::same_as<decltype(skyutil::memory_budget::physical), std::optional<std::uint64_t>>);
static_assert(std::same_as<decltype(skyutil::memory_budget::limit), std::optional<std::uint64_t>>);
static_assert(
    std::same_as<decltype(skyutil::memory_budget{}.limiting_factor()), skyutil::limit_source>);
static_assert(
    std::same_as<decltype(skyutil::memory_budget::soft_limit), std::optional<std::uint64_t>>);
static_assert(
    std::same_as<decltype(skyutil::memory_budget::swap_limit), std::optional<std::uint64_t>>);
static_assert(std::same_as<decltype(skyutil::memory_budget::usage), std::optional<std::uint64_t>>);
static_assert(
    std::same_as<decltype(skyutil::memory_budget::reclaimable), std::optional<std::uint64_t>>);
static_assert(std::same_as<decltype(skyutil::memory_budget{}.usable()), std::uint64_t>);
static_assert(std::same_as<decltype(skyutil::memory_budget{}.available()), std::uint64_t>);
static_assert(noexcept(skyutil::memory_budget{}.usable()));
static_assert(noexcept(skyutil::memory_budget{}.available()));
static_assert(std::same_as<decltype(skyutil::fd_limits::soft), std::optional<std::uint64_t>>);
static_assert(std::same_as<decltype(skyutil::fd_limits::hard), std::optional<std::uint64_t>>);
static_assert(is_function<skyutil::fd_limits()>(&skyutil::get_fd_limits));
static_assert(is_function<skyutil::fd_limits(std::error_code&)>(&skyutil::get_fd_limits));
static_assert(returns<skyutil::fd_limits>([] { return skyutil::raise_fd_limit(); }));
static_assert(is_function<skyutil::fd_limits(std::error_code&)>(&skyutil::raise_fd_limit));
static_assert(is_function<std::size_t()>(&skyutil::open_fd_count));
static_assert(is_function<std::size_t(std::error_code&)>(&skyutil::open_fd_count));
static_assert(returns<skyutil::pressure>([] { return skyutil::get_pressure(); }));
static_assert(returns<std::string>([] { return skyutil::describe_resources(); }));
static_assert(returns<std::string>([] {
    return skyutil::describe_resources(skyutil::description_form::json, skyutil::sysroot{"/copy"});
}));
static_assert(std::is_constructible_v<skyutil::resource_monitor, skyutil::sysroot,
                                      std::chrono::milliseconds>);
static_assert(!std::is_convertible_v<skyutil::sysroot, skyutil::resource_monitor>);

// ------------------------------------------------------------------------------------------
// process

static_assert(is_function<bool(std::int64_t) noexcept>(&skyutil::pid_exists));
static_assert(is_function<bool(std::int64_t)>(&skyutil::is_process_alive));
static_assert(is_function<bool(std::int64_t, std::error_code&)>(&skyutil::is_process_alive));
static_assert(is_function<skyutil::process_handle(std::int64_t)>(&skyutil::process_handle::open));
static_assert(is_function<skyutil::process_handle(std::int64_t, std::error_code&) noexcept>(
    &skyutil::process_handle::open));
static_assert(std::is_nothrow_move_constructible_v<skyutil::process_handle>);
static_assert(std::is_nothrow_move_assignable_v<skyutil::process_handle>);
static_assert(!std::is_copy_constructible_v<skyutil::process_handle>);
static_assert(!std::is_default_constructible_v<skyutil::process_handle>);
static_assert(returns<std::int64_t>([] { return skyutil::process_handle::open(1).pid(); }));
static_assert(returns<bool>([] { return skyutil::process_handle::open(1).alive(); }));
static_assert(returns<bool>([] {
    return skyutil::process_handle::open(1).wait(std::chrono::microseconds(1));
}));
static_assert(returns<bool>([] {
    return skyutil::process_handle::open(1).terminate(std::chrono::hours(1));
}));
static_assert(returns<void>([] { skyutil::process_handle::open(1).signal(0); }));
static_assert(returns<void>([] { skyutil::process_handle::open(1).wait(); }));
static_assert(
    is_function<std::vector<std::int64_t>(std::int64_t, bool)>(&skyutil::child_processes));
static_assert(is_function<std::vector<std::int64_t>(std::int64_t, bool, std::error_code&)>(
    &skyutil::child_processes));
static_assert(is_function<std::vector<std::int64_t>(std::int64_t, skyutil::kinship)>(
    &skyutil::child_processes));
static_assert(returns<std::vector<std::int64_t>>([] { return skyutil::child_processes(1); }));
static_assert(
    is_function<std::vector<skyutil::process_info>(std::int64_t)>(&skyutil::process_tree));
static_assert(returns<skyutil::kill_report>([] {
    return skyutil::kill_process_tree(
        -1, {.grace = std::chrono::seconds(1), .force = true, .include_root = false});
}));
static_assert(returns<skyutil::kill_report>([] { return skyutil::kill_process_tree(-1); }));
static_assert(returns<skyutil::kill_report>([] { return skyutil::kill_children_processes(); }));
static_assert(returns<skyutil::kill_report>([] {
    return skyutil::terminate_process(-1, std::chrono::seconds(1));
}));
static_assert(skyutil::kill_tree_options{}.grace == std::chrono::seconds(10));
static_assert(!skyutil::kill_tree_options{}.force && skyutil::kill_tree_options{}.include_root);
static_assert(is_function<int(string_view)>(&skyutil::get_parallel_threads));
static_assert(is_function<int(string_view, std::error_code&)>(&skyutil::get_parallel_threads));
static_assert(is_function<int(std::error_code&)>(&skyutil::get_parallel_threads));
static_assert(returns<int>([] { return skyutil::get_parallel_threads(); }));
static_assert(is_function<size_t(const path&)>(&skyutil::estimate_fd_for_directory));
static_assert(is_function<size_t(const path&, std::error_code&) noexcept>(
    &skyutil::estimate_fd_for_directory));
static_assert(
    is_function<int(size_t, size_t, string_view)>(&skyutil::get_max_workers_for_file_mounts));
static_assert(is_function<int(size_t, size_t, string_view, std::error_code&)>(
    &skyutil::get_max_workers_for_file_mounts));
static_assert(is_function<int(std::initializer_list<path>, string_view)>(
    &skyutil::get_max_workers_for_file_mounts));
static_assert(returns<int>([] { return skyutil::get_max_workers_for_file_mounts(10); }));
static_assert(returns<int>([] {
    return skyutil::get_max_workers_for_file_mounts(10, 200, "kubernetes");
}));
static_assert(returns<int>([] {
    return skyutil::get_max_workers_for_file_mounts({"/data", "/code"});
}));
static_assert(returns<int>([] {
    return skyutil::get_max_workers_for_file_mounts(std::vector<string>{}, "aws");
}));
static_assert(returns<int>([] {
    return skyutil::get_max_workers_for_file_mounts(std::map<string, path>{});
}));
static_assert(returns<int>([] {
    std::error_code error;
    return skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, error) +
           skyutil::get_max_workers_for_file_mounts(std::vector<path>{}, "aws", error);
}));

static_assert(skyutil::mount_sources<std::vector<string>>);
static_assert(skyutil::mount_sources<const std::vector<path>&>);
static_assert(skyutil::mount_sources<std::map<string, string>&>);
static_assert(skyutil::mount_sources<std::span<const string_view>>);
static_assert(skyutil::mount_sources<const char* const (&)[2]>);
static_assert(!skyutil::mount_sources<path>);
static_assert(!skyutil::mount_sources<const path&>);
static_assert(!skyutil::mount_sources<string&>);
static_assert(!skyutil::mount_sources<string_view>);
static_assert(!skyutil::mount_sources<const char (&)[5]>);
static_assert(!skyutil::mount_sources<const char*>);
static_assert(!skyutil::mount_sources<std::vector<int>>);
static_assert(!skyutil::mount_sources<std::vector<char>>);
static_assert(!skyutil::mount_sources<std::map<string, int>>);
static_assert(!skyutil::mount_sources<std::pair<string, path>>);
static_assert(!skyutil::mount_sources<int>);

// ------------------------------------------------------------------------------------------
// parallel

static_assert(returns<std::vector<int>>([] {
    return skyutil::run_in_parallel([](int i) { return i; }, std::vector{1});
}));
static_assert(returns<std::vector<int>>([] {
    return skyutil::run_in_parallel([](int i) { return i; }, std::vector{1}, 4);
}));
static_assert(returns<std::vector<int>>([] {
    return skyutil::run_in_parallel([](int i) { return i; }, std::vector{1},
                                    {.threads = 4, .stop = skyutil::stop_token()});
}));
static_assert(returns<std::vector<std::unique_ptr<int>>>([] {
    return skyutil::run_in_parallel([](int i) { return std::make_unique<int>(i); }, std::vector{1});
}));
static_assert(returns<std::vector<bool>>([] {
    return skyutil::run_in_parallel([](int i) { return i == 1; }, std::vector{1});
}));
static_assert(returns<lines>([] {
    return skyutil::run_in_parallel([](const string& s) -> const string& { return s; }, lines());
}));
static_assert(returns<void>([] { skyutil::run_in_parallel([](int) {}, std::vector{1}, 4); }));
static_assert(returns<void>([] { skyutil::slow_start(std::vector{1}, [](int) {}); }));
static_assert(returns<void>([] {
    skyutil::slow_start(std::vector{1}, [](int) { return 0; },
                        {.delay = std::chrono::milliseconds(1), .max_batch = 2});
}));
static_assert(std::same_as<decltype(skyutil::parallel_options::threads), int>);
static_assert(std::same_as<decltype(skyutil::parallel_options::stop), skyutil::stop_token>);
static_assert(std::same_as<decltype(skyutil::slow_start_options::delay), std::chrono::nanoseconds>);
static_assert(std::same_as<decltype(skyutil::slow_start_options::max_batch), int>);
static_assert(std::same_as<decltype(skyutil::slow_start_options::stop), skyutil::stop_token>);
static_assert(skyutil::parallel_range<const lines&>);
static_assert(skyutil::parallel_range<std::vector<std::unique_ptr<int>>>);
static_assert(!skyutil::parallel_range<int>);

// ------------------------------------------------------------------------------------------------
// subprocess

using skyutil::completed_process;
static_assert(returns<completed_process>([] { return skyutil::run({"ls", "-l"}); }));
static_assert(returns<completed_process>([] { return skyutil::run(skyutil::shell("ls")); }));
static_assert(returns<completed_process>([] { return skyutil::run(lines{"ls"}); }));
static_assert(returns<completed_process>([] {
    return skyutil::run({"ls"}, {.input = "text",
                                 .cwd = "/",
                                 .env = {{"NAME", "value"}, {"OTHER", std::nullopt}},
                                 .timeout = std::chrono::seconds(1),
                                 .grace = std::chrono::seconds(1),
                                 .max_output = 1000,
                                 .merge_stderr = true,
                                 .check = true,
                                 .on_line = [](skyutil::output_stream, string_view) {}});
}));
static_assert(is_function<completed_process(const skyutil::command&, const skyutil::run_options&,
                                            std::error_code&)>(&skyutil::run));
static_assert(
    is_function<completed_process(const skyutil::command&, std::error_code&)>(&skyutil::run));
static_assert(returns<completed_process>([] {
    return skyutil::run_with_retries(
        {"ls"}, {.max_retries = 3, .retry_codes = {1}, .retry_stderr = {"x"}, .backoff = {}});
}));
static_assert(returns<std::int64_t>([] {
    return skyutil::run_detached({"ls"}, path("/dev/null"));
}));
static_assert(returns<std::vector<completed_process>>([] {
    return skyutil::pipeline({{"ls", "-l"}, {"wc"}});
}));
static_assert(std::same_as<decltype(completed_process::exit_code), int>);
static_assert(std::same_as<decltype(completed_process::signal), int>);
static_assert(std::same_as<decltype(completed_process::stdout_text), string>);
static_assert(std::same_as<decltype(completed_process::stderr_text), string>);
static_assert(std::same_as<decltype(completed_process::timed_out), bool>);
static_assert(std::same_as<decltype(completed_process::truncated), bool>);
static_assert(std::same_as<decltype(completed_process::peak_memory), std::uint64_t>);
static_assert(
    std::is_convertible_v<decltype(completed_process::elapsed), std::chrono::nanoseconds>);
static_assert(std::is_nothrow_move_constructible_v<skyutil::child_process>);
static_assert(std::is_nothrow_move_assignable_v<skyutil::child_process>);
static_assert(!std::is_copy_constructible_v<skyutil::child_process>);
static_assert(std::is_base_of_v<std::runtime_error, skyutil::command_error>);
using skyutil::start_error;
using skyutil::start_step;
static_assert(std::is_base_of_v<std::system_error, start_error>);
static_assert(
    std::same_as<decltype(std::declval<const start_error&>().step()), skyutil::start_step>);
static_assert(std::is_convertible_v<decltype(std::declval<const start_error&>().path()), path>);
static_assert(std::same_as<decltype(completed_process::failed_step), start_step>);
static_assert(std::same_as<decltype(std::declval<const skyutil::child_process&>().failed_step()),
                           start_step>);
static_assert(
    is_function<std::int64_t(const skyutil::command&, const path&, const skyutil::detached_options&,
                             start_step&, std::error_code&)>(&skyutil::run_detached));
static_assert(start_step() == start_step::none);
static_assert(start_step::arguments != start_step::process);
static_assert(start_step::session != start_step::death_signal);
static_assert(start_step::nice != start_step::cpus);
static_assert(start_step::limits != start_step::directory);
static_assert(start_step::descriptors != start_step::program);
static_assert(std::same_as<decltype(skyutil::child_attributes::keep_descriptors), bool>);
static_assert(std::same_as<decltype(skyutil::child_attributes::keep_ignored_signals), bool>);
static_assert(std::same_as<decltype(skyutil::child_attributes::shell_fallback), bool>);
static_assert(!skyutil::child_attributes().keep_descriptors);
static_assert(!skyutil::child_attributes().keep_ignored_signals);
static_assert(!skyutil::child_attributes().shell_fallback);
