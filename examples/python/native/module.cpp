// SPDX-License-Identifier: MIT
//
// skyutil._native: the functions of the package skyutil in C++.
//
// Each takes the arguments it is meant for. Whatever else it is given (another type, a name that it
// does not know, text that is no number) it hands to its twin in skyutil._fallback as it came, so
// that every exception is Python's own and no answer depends on which of the two was loaded.
//
// pybind11 makes the module, the type of hash objects and the owners of references. The functions
// have CPython's vectorcall form: what pybind11 does for each call takes longer than most of them.

#include <skyutil/files.hpp>
#include <skyutil/hash.hpp>
#if defined(SKYUTIL_PYTHON_WITH_OPENSSL)
#include <skyutil/hash_openssl.hpp>
#endif
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>

#include <pybind11/pybind11.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace {

// --- arguments and results -----------------------------------------------------------------------

constexpr std::size_t most_parameters = 5;

/// The values of the parameters in their order; null for those that were not given.
using arguments = std::array<PyObject*, most_parameters>;

/// What a native function returns for the twin to answer, without an exception set.
constexpr PyObject* ask_twin = nullptr;

/// How a function is called: its parameters, of which the first `required` have no default. One
/// without a name can only be given by its position.
struct signature {
    const char* name;
    std::array<const char*, most_parameters> parameters;
    std::size_t required;
    const char* documentation;
    std::array<PyObject*, most_parameters> names{};  // interned, for ever
    PyObject* twin = nullptr;                        // for ever

    /// False when the arguments do not fit.
    bool bind(PyObject* const* given, Py_ssize_t count, PyObject* keywords,
              arguments& values) const noexcept {
        std::size_t most = 0;
        while (most < most_parameters && parameters[most] != nullptr) {
            ++most;
        }
        const auto positional = static_cast<std::size_t>(count);
        if (positional > most) {
            return false;
        }
        std::copy_n(given, positional, values.begin());
        const Py_ssize_t named = keywords == nullptr ? 0 : PyTuple_GET_SIZE(keywords);
        for (Py_ssize_t i = 0; i < named; ++i) {
            PyObject* const keyword = PyTuple_GET_ITEM(keywords, i);
            std::size_t at = positional;
            while (at < most && keyword != names[at]) {
                ++at;
            }
            if (at == most || values[at] != nullptr) {
                return false;  // unknown, given twice, or not interned: the twin can tell
            }
            values[at] = given[count + i];
        }
        for (std::size_t i = 0; i < required; ++i) {
            if (values[i] == nullptr) {
                return false;
            }
        }
        return true;
    }
};

/// The value of an int that is neither a bool nor of another type derived from it.
std::optional<long long> exact_int(PyObject* object) noexcept {
    if (!PyLong_CheckExact(object)) {
        return std::nullopt;
    }
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow == 0 ? std::optional(value) : std::nullopt;
}

/// The text of a str of ASCII characters.
std::optional<std::string_view> ascii(PyObject* object) noexcept {
    if (!PyUnicode_CheckExact(object) || !PyUnicode_IS_COMPACT_ASCII(object)) {
        return std::nullopt;
    }
    return std::string_view(static_cast<const char*>(PyUnicode_DATA(object)),
                            static_cast<std::size_t>(PyUnicode_GET_LENGTH(object)));
}

/// The name of a cloud, empty for None and where there is none.
std::optional<std::string_view> cloud_name(PyObject* object) noexcept {
    return object == nullptr || object == Py_None ? std::string_view() : ascii(object);
}

PyObject* to_str(std::string_view text) noexcept {
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "strict");
}

/// Writes the code points of well-formed UTF-8.
template <class Character>
void decode_well_formed(std::string_view text, void* data) noexcept {
    auto* out = static_cast<Character*>(data);
    const auto* in = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = in + text.size();
    const auto low = [&](int at) { return in[at] & 0x3fU; };
    while (in != end) {
        const unsigned lead = *in;
        if (lead < 0x80) {
            *out++ = static_cast<Character>(lead);
            in += 1;
        } else if (lead < 0xe0) {
            *out++ = static_cast<Character>((lead & 0x1fU) << 6 | low(1));
            in += 2;
        } else if (lead < 0xf0) {
            *out++ = static_cast<Character>((lead & 0x0fU) << 12 | low(1) << 6 | low(2));
            in += 3;
        } else {
            *out++ =
                static_cast<Character>((lead & 0x07U) << 18 | low(1) << 12 | low(2) << 6 | low(3));
            in += 4;
        }
    }
}

/// The same of text that is known to be well-formed, which saves CPython most of its work.
PyObject* to_str_of_well_formed(std::string_view text) noexcept {
    const auto count = std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    });
    unsigned char highest = 0;  // it is a lead byte, which tells how wide the characters are
    for (const char c : text) {
        highest = std::max(highest, static_cast<unsigned char>(c));
    }
    PyObject* const result = PyUnicode_New(count, highest < 0x80   ? 0x7f
                                                  : highest < 0xc4 ? 0xff
                                                  : highest < 0xf0 ? 0xffff
                                                                   : 0x10ffff);
    if (result != nullptr) {
        void* const data = PyUnicode_DATA(result);
        if (highest < 0xc4) {
            decode_well_formed<Py_UCS1>(text, data);
        } else if (highest < 0xf0) {
            decode_well_formed<Py_UCS2>(text, data);
        } else {
            decode_well_formed<Py_UCS4>(text, data);
        }
    }
    return result;
}

/// A path from a str, bytes or PathLike, with the bytes that the system uses.
std::optional<std::filesystem::path> to_path(PyObject* object) {
    PyObject* encoded = nullptr;
    if (PyUnicode_FSConverter(object, &encoded) == 0) {
        PyErr_Clear();
        return std::nullopt;
    }
    const auto owner = py::reinterpret_steal<py::object>(encoded);
    return std::filesystem::path(std::string(PyBytes_AS_STRING(encoded),
                                             static_cast<std::size_t>(PyBytes_GET_SIZE(encoded))));
}

/// Sets the OSError that the system's functions raise in Python.
PyObject* raise_os_error(const std::error_code& error, PyObject* path = nullptr) {
    const auto name =
        py::reinterpret_steal<py::object>(path == nullptr ? nullptr : PyOS_FSPath(path));
    if (path != nullptr && !name) {
        return nullptr;
    }
    errno = error.value();
    return PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name.ptr());
}

// --- strings -------------------------------------------------------------------------------------

PyObject* base36_encode(const arguments& values) {
    const std::optional<std::string_view> hex = ascii(values[0]);
    if (!hex) {
        return ask_twin;
    }
    std::array<char, 1024> buffer;  // NOLINT(*-member-init)
    if (hex->size() <= buffer.size()) {
        const auto [end, error] =
            skyutil::base36_to_chars(buffer.data(), buffer.data() + buffer.size(), *hex);
        return error == std::errc()
                   ? to_str({buffer.data(), static_cast<std::size_t>(end - buffer.data())})
                   : ask_twin;
    }
    try {
        return to_str(skyutil::base36_encode(*hex));
    } catch (const std::invalid_argument&) {
        return ask_twin;
    }
}

PyObject* format_float(const arguments& values) {
    constexpr long long highest = 100'000;
    const std::optional<long long> precision = values[1] == nullptr ? 1 : exact_int(values[1]);
    if (!PyFloat_CheckExact(values[0]) || !precision || *precision < 0 || *precision > highest) {
        return ask_twin;
    }
    return to_str(
        skyutil::format_float(PyFloat_AS_DOUBLE(values[0]), static_cast<int>(*precision)));
}

PyObject* truncate_long_string(const arguments& values) {
    const std::optional<long long> max_length = values[1] == nullptr ? 35 : exact_int(values[1]);
    const bool middle = values[2] == Py_True;
    if (!PyUnicode_CheckExact(values[0]) || PyUnicode_READY(values[0]) != 0 || !max_length ||
        *max_length < 0 || (values[2] != nullptr && !PyBool_Check(values[2]))) {
        return ask_twin;
    }
    if (PyUnicode_GET_LENGTH(values[0]) <= *max_length) {
        Py_INCREF(values[0]);
        return values[0];
    }
    const auto shorten = [&](std::string_view text) {
        return skyutil::truncate_long_string(
            text, static_cast<std::size_t>(*max_length),
            middle ? skyutil::truncate_mode::middle : skyutil::truncate_mode::word);
    };
    if (const std::optional<std::string_view> text = ascii(values[0])) {
        return to_str(shorten(*text));
    }
    // The text as UTF-8 stays with the str, as CPython does it; a long one is not worth that.
    constexpr Py_ssize_t longest_kept = 4096;
    if (PyUnicode_GET_LENGTH(values[0]) <= longest_kept) {
        Py_ssize_t size = 0;
        if (const char* const text = PyUnicode_AsUTF8AndSize(values[0], &size)) {
            return to_str_of_well_formed(shorten({text, static_cast<std::size_t>(size)}));
        }
    } else if (const auto text =
                   py::reinterpret_steal<py::object>(PyUnicode_AsUTF8String(values[0]))) {
        return to_str_of_well_formed(
            shorten({PyBytes_AS_STRING(text.ptr()),
                     static_cast<std::size_t>(PyBytes_GET_SIZE(text.ptr()))}));
    }
    PyErr_Clear();  // a surrogate
    return ask_twin;
}

// --- files ---------------------------------------------------------------------------------------

/// Errors after which nothing may be at the path as far as os.path.exists() can tell.
bool may_be_absent(const std::error_code& error) noexcept {
    return error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory ||
           error == std::errc::too_many_symbolic_link_levels ||
           error == std::errc::filename_too_long || error == std::errc::permission_denied ||
           error == std::errc::invalid_argument;
}

/// How the bytes of lines become text.
struct codec {
    const char* encoding = "utf-8";
    const char* errors = "replace";
};

/// A line without its line end and the CRs before it, as str; `more` when another one follows,
/// which a "\n" shows.
py::object decode_line(std::string_view line, bool more, const codec& codec, bool utf8) {
    const bool ends = line.ends_with('\n');
    std::string copy;
    if (utf8) {
        // No byte of a longer sequence is a CR or LF, and an invalid one becomes a character: the
        // CRs at the end are the same before and after.
        const std::string_view text = line.substr(0, line.size() - (ends ? 1 : 0));
        const std::size_t last = text.find_last_not_of('\r');
        const std::string_view stripped = text.substr(0, last + 1);
        if (more && stripped.size() != text.size()) {
            copy.assign(stripped).push_back('\n');
            line = copy;
        } else if (!more) {
            line = stripped;
        }
        return py::reinterpret_steal<py::object>(
            PyUnicode_DecodeUTF8(line.data(), static_cast<Py_ssize_t>(line.size()), codec.errors));
    }
    if (ends) {
        line.remove_suffix(1);
    }
    auto text = py::reinterpret_steal<py::object>(PyUnicode_Decode(
        line.data(), static_cast<Py_ssize_t>(line.size()), codec.encoding, codec.errors));
    if (text) {
        text = text.attr("rstrip")("\r");
        if (more) {
            text = text + py::str("\n");
        }
    }
    return text;
}

PyObject* read_last_n_lines(const arguments& values) {
    const std::optional<long long> n = exact_int(values[1]);
    const std::optional<long long> chunk_size = values[2] == nullptr ? 1 : exact_int(values[2]);
    if (!n || *n <= 0 || !chunk_size || *chunk_size <= 0) {
        return ask_twin;
    }
    codec codec;
    for (const auto& [value, name] :
         {std::pair(values[3], &codec.encoding), std::pair(values[4], &codec.errors)}) {
        if (value != nullptr) {
            const std::optional<std::string_view> text = ascii(value);
            if (!text || text->find('\0') != text->npos) {
                return ask_twin;
            }
            *name = text->data();  // CPython ends it with a NUL
        }
    }
    const std::string_view errors = codec.errors;
    const bool utf8 = std::string_view(codec.encoding) == "utf-8" &&
                      (errors == "replace" || errors == "surrogateescape");
    const std::optional<std::filesystem::path> path = to_path(values[0]);
    if (!path) {
        return ask_twin;
    }
    std::error_code error;
    skyutil::file_tail tail;
    {
        const py::gil_scoped_release unlocked;
        tail = skyutil::file_tail(*path, static_cast<std::size_t>(*n),
                                  {.line_end = skyutil::line_end::keep,
                                   .max_bytes = std::numeric_limits<std::size_t>::max()},
                                  error);
    }
    if (error) {
        if (may_be_absent(error)) {
            return ask_twin;
        }
        py::module_::import("skyutil._fallback")
            .attr("_raise_read_error")(py::handle(values[0]), *n, error.value());
        return nullptr;
    }
    const auto lines = tail.lines();
    auto result =
        py::reinterpret_steal<py::object>(PyList_New(static_cast<Py_ssize_t>(lines.size())));
    if (!result) {
        return nullptr;
    }
    for (std::size_t i = 0; i < lines.size(); ++i) {
        py::object line = decode_line(lines[i], i + 1 != lines.size(), codec, utf8);
        if (!line) {
            return nullptr;
        }
        PyList_SET_ITEM(result.ptr(), static_cast<Py_ssize_t>(i), line.release().ptr());
    }
    return result.release().ptr();
}

PyObject* estimate_fd_for_directory(const arguments& values) {
    const std::optional<std::filesystem::path> path = to_path(values[0]);
    if (!path) {
        return ask_twin;
    }
    std::error_code error;
    std::size_t descriptors = 0;
    {
        const py::gil_scoped_release unlocked;
        descriptors = skyutil::estimate_fd_for_directory(*path, error);
    }
    return error ? raise_os_error(error, values[0]) : PyLong_FromSize_t(descriptors);
}

// --- hashes --------------------------------------------------------------------------------------

/// The state of one hash function.
class hash_state {
public:
    hash_state() = default;
    hash_state& operator=(const hash_state&) = delete;
    virtual ~hash_state() = default;
    virtual void update(std::span<const std::byte> bytes) = 0;
    /// The digest of the bytes so far, after which more can come.
    [[nodiscard]] virtual skyutil::digest digest() const = 0;
    [[nodiscard]] virtual std::unique_ptr<hash_state> copy() const = 0;

protected:
    hash_state(const hash_state&) = default;
};

template <skyutil::hasher H>
class state_of final : public hash_state {
public:
    void update(std::span<const std::byte> bytes) override {
        skyutil::detail::update_hash(hasher_, bytes);
    }
    [[nodiscard]] skyutil::digest digest() const override {
        H last(hasher_);
        return skyutil::detail::finish_hash(last);
    }
    [[nodiscard]] std::unique_ptr<hash_state> copy() const override {
        return std::make_unique<state_of>(*this);
    }

private:
    H hasher_;
};

/// A hash function by the name hashlib has for it.
struct hash_function {
    std::string_view name;
    std::size_t digest_size;
    std::size_t block_size;
    std::unique_ptr<hash_state> (*make)();
};

template <skyutil::hasher H>
std::unique_ptr<hash_state> make_state() {
    return std::make_unique<state_of<H>>();
}

#if defined(SKYUTIL_PYTHON_WITH_OPENSSL)
namespace other = skyutil::openssl;  // faster than Crypto++ for these
using md5 = other::md5;
using sha384 = other::sha384;
using sha512 = other::sha512;
using sha3_256 = other::sha3_256;
using sha3_512 = other::sha3_512;
#else
using md5 = CryptoPP::Weak1::MD5;
using sha384 = CryptoPP::SHA384;
using sha512 = CryptoPP::SHA512;
using sha3_256 = CryptoPP::SHA3_256;
using sha3_512 = CryptoPP::SHA3_512;
#endif

constexpr std::array hash_functions{
    hash_function{"sha256", 32, 64, make_state<CryptoPP::SHA256>},
    hash_function{"md5", 16, 64, make_state<md5>},
    hash_function{"sha1", 20, 64, make_state<CryptoPP::SHA1>},
    hash_function{"sha224", 28, 64, make_state<CryptoPP::SHA224>},
    hash_function{"sha384", 48, 128, make_state<sha384>},
    hash_function{"sha512", 64, 128, make_state<sha512>},
    hash_function{"sha3_256", 32, 136, make_state<sha3_256>},
    hash_function{"sha3_512", 64, 72, make_state<sha3_512>},
    hash_function{"blake2b", 64, 128, make_state<CryptoPP::BLAKE2b>},
    hash_function{"blake2s", 32, 64, make_state<CryptoPP::BLAKE2s>},
};

/// What hash_file returns: an object as hashlib has them.
class hash_object {
public:
    hash_object(const hash_function& function, std::unique_ptr<hash_state> state)
        : function_(&function), state_(std::move(state)) {}

    [[nodiscard]] std::string_view name() const noexcept { return function_->name; }
    [[nodiscard]] std::size_t digest_size() const noexcept { return function_->digest_size; }
    [[nodiscard]] std::size_t block_size() const noexcept { return function_->block_size; }
    [[nodiscard]] std::string hexdigest() const { return state_->digest().hex(); }
    [[nodiscard]] py::bytes digest() const {
        const skyutil::digest digest = state_->digest();
        const std::span<const std::byte> bytes = digest.bytes();
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    void update(const py::object& data) {
        if (PyUnicode_Check(data.ptr())) {
            throw py::type_error("Strings must be encoded before hashing");
        }
        Py_buffer view;
        if (PyObject_GetBuffer(data.ptr(), &view, PyBUF_SIMPLE) != 0) {
            throw py::error_already_set();
        }
        const std::unique_ptr<Py_buffer, void (*)(Py_buffer*)> owner(&view, PyBuffer_Release);
        state_->update(
            {static_cast<const std::byte*>(view.buf), static_cast<std::size_t>(view.len)});
    }
    [[nodiscard]] hash_object copy() const { return {*function_, state_->copy()}; }

private:
    const hash_function* function_;
    std::unique_ptr<hash_state> state_;
};

PyObject* hash_file(const arguments& values) {
    constexpr std::size_t blocks_between_signals = 256;  // 64 MiB, some tens of milliseconds
    const std::optional<std::string_view> name = ascii(values[1]);
    const auto* const function =
        std::find_if(hash_functions.begin(), hash_functions.end(),
                     [&](const hash_function& each) { return each.name == name; });
    const std::optional<std::filesystem::path> path =
        function == hash_functions.end() ? std::nullopt : to_path(values[0]);
    if (!path) {
        return ask_twin;
    }
    std::error_code error;
    std::unique_ptr<hash_state> state;
    try {
        const py::gil_scoped_release unlocked;
        state = function->make();
        std::size_t blocks = 0;
        skyutil::detail::read_file_blocks(*path, error, [&](std::span<const std::byte> bytes) {
            state->update(bytes);
            if (++blocks % blocks_between_signals == 0) {
                const py::gil_scoped_acquire locked;
                if (PyErr_CheckSignals() != 0) {
                    throw py::error_already_set();
                }
            }
        });
    } catch (const std::system_error&) {
        return ask_twin;  // OpenSSL has this one forbidden: hashlib says what is to be said
    }
    if (error) {
        return raise_os_error(error, values[0]);
    }
    return py::cast(hash_object(*function, std::move(state))).release().ptr();
}

// --- ports, this machine, processes --------------------------------------------------------------

PyObject* find_free_port(const arguments& values) {
    const std::optional<long long> start = exact_int(values[0]);
    if (!start || *start < 0 || *start > std::numeric_limits<std::uint16_t>::max()) {
        return ask_twin;
    }
    std::error_code error;
    std::uint16_t port = 0;
    {
        const py::gil_scoped_release unlocked;
        port = skyutil::find_free_port(static_cast<std::uint16_t>(*start), error);
    }
    if (!error) {
        return PyLong_FromLong(port);
    }
    if (error != std::errc::address_in_use && error != std::errc::permission_denied) {
        return raise_os_error(error);
    }
    const py::object exception = py::reinterpret_borrow<py::object>(PyExc_OSError)(
        error.value(), "No free ports available.");
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    return nullptr;
}

// These read the environment, which another thread may change when it has the GIL, and otherwise
// ask the kernel for what it has in memory, once in 10 milliseconds.

PyObject* get_cpu_count(const arguments&) {
    std::error_code error;
    const int cpus = skyutil::get_cpu_count(error);
    return error ? ask_twin : PyLong_FromLong(cpus);
}

PyObject* get_mem_size_gb(const arguments&) {
    std::error_code error;
    const double gib = skyutil::get_mem_size_gb(error);
    return error ? ask_twin : PyFloat_FromDouble(gib);
}

PyObject* get_parallel_threads(const arguments& values) {
    const std::optional<std::string_view> cloud = cloud_name(values[0]);
    if (!cloud) {
        return ask_twin;
    }
    std::error_code error;
    const int threads = skyutil::get_parallel_threads(*cloud, error);
    return error ? ask_twin : PyLong_FromLong(threads);
}

PyObject* is_process_alive(const arguments& values) {
    const std::optional<long long> pid = exact_int(values[0]);
    if (!pid) {
        return ask_twin;
    }
    std::error_code error;
    const bool alive = skyutil::is_process_alive(*pid, error);  // never waits
    return error ? raise_os_error(error) : PyBool_FromLong(alive ? 1 : 0);
}

PyObject* workers_for_number(long long sources, PyObject* files, PyObject* cloud_str) {
    const std::optional<long long> each = files == nullptr ? 100 : exact_int(files);
    const std::optional<std::string_view> cloud = cloud_name(cloud_str);
    if (sources < 0 || !each || *each < 0 || !cloud) {
        return ask_twin;
    }
    std::error_code error;
    const int workers = skyutil::get_max_workers_for_file_mounts(
        static_cast<std::size_t>(sources), static_cast<std::size_t>(*each), *cloud, error);
    return error ? ask_twin : PyLong_FromLong(workers);
}

PyObject* get_max_workers_for_file_mounts(const arguments& values) {
    if (const std::optional<long long> sources = exact_int(values[0])) {
        return workers_for_number(*sources, values[1], values[2]);
    }
    const std::optional<std::string_view> cloud = cloud_name(values[1]);
    if (!PyDict_CheckExact(values[0]) || values[2] != nullptr || !cloud) {
        return ask_twin;
    }
    std::vector<std::filesystem::path> paths;
    paths.reserve(static_cast<std::size_t>(PyDict_GET_SIZE(values[0])));
    PyObject* key = nullptr;
    PyObject* value = nullptr;
    for (Py_ssize_t position = 0; PyDict_Next(values[0], &position, &key, &value) != 0;) {
        if (!PyUnicode_CheckExact(value) && !PyBytes_CheckExact(value)) {
            return ask_twin;  // what a PathLike does could change the dict
        }
        std::optional<std::filesystem::path> path = to_path(value);
        if (!path) {
            return ask_twin;
        }
        paths.push_back(std::move(*path));
    }
    std::error_code error;
    std::filesystem::path failed;
    std::size_t descriptors = 0;
    {
        const py::gil_scoped_release unlocked;
        descriptors = skyutil::detail::fds_for_sources(paths, error, failed);
    }
    if (error) {
        return ask_twin;  // it names the directory that cannot be read
    }
    const std::optional<std::uint64_t> limit = skyutil::detail::os::soft_fd_limit(error);
    const int threads = error ? 1 : skyutil::get_parallel_threads(*cloud, error);
    return error ? ask_twin
                 : PyLong_FromLong(skyutil::detail::max_workers(limit, descriptors, threads));
}

// --- the module ----------------------------------------------------------------------------------

template <PyObject* (*Body)(const arguments&)>
signature signature_of;

/// What CPython calls.
template <PyObject* (*Body)(const arguments&)>
PyObject* call(PyObject*, PyObject* const* given, Py_ssize_t count, PyObject* keywords) noexcept {
    const signature& self = signature_of<Body>;
    try {
        arguments values{};
        if (self.bind(given, count, keywords, values)) {
            PyObject* const result = Body(values);
            if (result != nullptr || PyErr_Occurred() != nullptr) {
                return result;
            }
        }
    } catch (py::error_already_set& error) {
        error.restore();
        return nullptr;
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
        return nullptr;
    }
    return PyObject_Vectorcall(self.twin, given, static_cast<std::size_t>(count), keywords);
}

template <PyObject* (*Body)(const arguments&)>
void add_function(py::module_& module, const py::module_& twins, const char* name,
                  std::array<const char*, most_parameters> parameters, std::size_t required,
                  const char* documentation) {
    signature& self = signature_of<Body>;
    self = {.name = name,
            .parameters = parameters,
            .required = required,
            .documentation = documentation};
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (parameters[i] != nullptr) {
            self.names[i] = PyUnicode_InternFromString(parameters[i]);
        }
    }
    self.twin = twins.attr(name).cast<py::object>().release().ptr();
    static PyMethodDef definition{
        self.name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call<Body>)),
        METH_FASTCALL | METH_KEYWORDS, self.documentation};
    module.add_object(name, py::reinterpret_steal<py::object>(PyCFunction_NewEx(
                                &definition, nullptr, py::str("skyutil").release().ptr())));
}

void add_functions(py::module_& module, const py::module_& twins) {
    add_function<base36_encode>(module, twins, "base36_encode", {"hex_str"}, 1,
                                "base36_encode(hex_str)\n--\n\n"
                                "A hexadecimal text in base 36.");
    add_function<format_float>(
        module, twins, "format_float", {"num", "precision"}, 1,
        "format_float(num, precision=1)\n--\n\n"
        "A whole number without a decimal point, others with precision digits.");
    add_function<truncate_long_string>(
        module, twins, "truncate_long_string", {"s", "max_length", "truncate_middle"}, 1,
        "truncate_long_string(s, max_length=35, truncate_middle=False)\n--\n\n"
        "A text of more than max_length characters shortened between words, or in the middle.");
    add_function<read_last_n_lines>(
        module, twins, "read_last_n_lines", {"file_path", "n", "chunk_size", "encoding", "errors"},
        2,
        "read_last_n_lines(file_path, n, chunk_size=8192, encoding='utf-8', errors='replace')\n"
        "--\n\nThe last n lines of a file.");
    add_function<hash_file>(module, twins, "hash_file", {"path", "hash_alg"}, 2,
                            "hash_file(path, hash_alg)\n--\n\nThe hash object of a file's bytes.");
    add_function<estimate_fd_for_directory>(module, twins, "estimate_fd_for_directory", {"path"}, 1,
                                            "estimate_fd_for_directory(path)\n--\n\n"
                                            "Five descriptors for each entry of a directory.");
    add_function<find_free_port>(module, twins, "find_free_port", {"start_port"}, 1,
                                 "find_free_port(start_port)\n--\n\n"
                                 "The first port from start_port on that can be bound now.");
    add_function<get_cpu_count>(module, twins, "get_cpu_count", {}, 0,
                                "get_cpu_count()\n--\n\n"
                                "How many CPUs the calling thread may use, at least 1.");
    add_function<get_mem_size_gb>(module, twins, "get_mem_size_gb", {}, 0,
                                  "get_mem_size_gb()\n--\n\n"
                                  "How much memory this process may use, in GiB.");
    add_function<get_parallel_threads>(module, twins, "get_parallel_threads", {"cloud_str"}, 0,
                                       "get_parallel_threads(cloud_str=None)\n--\n\n"
                                       "How many threads to work with in parallel.");
    add_function<is_process_alive>(module, twins, "is_process_alive", {"pid"}, 1,
                                   "is_process_alive(pid)\n--\n\n"
                                   "Whether any thread of the process is executing.");
    add_function<get_max_workers_for_file_mounts>(
        module, twins, "get_max_workers_for_file_mounts", {"common_file_mounts", "cloud_str", ""},
        1,
        "get_max_workers_for_file_mounts(common_file_mounts, cloud_str=None)\n--\n\n"
        "How many workers may copy sources at once; also of (num_sources,\n"
        "estimated_files_per_source=100, cloud_str=None).");
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.doc() = "The functions of skyutil in C++; see the package skyutil.";
    module.attr("__version__") = std::string(skyutil::version);
    module.attr("__python__") = py::make_tuple(PY_MAJOR_VERSION, PY_MINOR_VERSION);

    py::class_<hash_object>(module, "hash", "A hash object as those of hashlib.")
        .def_property_readonly("name", &hash_object::name)
        .def_property_readonly("digest_size", &hash_object::digest_size)
        .def_property_readonly("block_size", &hash_object::block_size)
        .def("digest", &hash_object::digest)
        .def("hexdigest", &hash_object::hexdigest)
        .def("update", &hash_object::update, py::arg("data"), py::pos_only())
        .def("copy", &hash_object::copy)
        .def("__repr__", [](const hash_object& self) {
            return "<" + std::string(self.name()) + " skyutil.hash object>";
        });

    // What the tests compare below copies of /proc and /sys.
    module.def("_cpu_count_below", [](const std::string& root) {
        return skyutil::get_cpu_budget(skyutil::sysroot{root}).usable();
    });
    module.def("_memory_below", [](const std::string& root) {
        const skyutil::memory_budget budget = skyutil::get_memory_budget(skyutil::sysroot{root});
        const std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
        const std::uint64_t bytes =
            std::min(budget.physical.value_or(none), budget.limit.value_or(none));
        return bytes == none ? 0 : bytes;
    });

    add_functions(module, py::module_::import("skyutil._fallback"));
}
