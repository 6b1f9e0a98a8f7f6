// SPDX-License-Identifier: MIT
//
// skyutil._native: the functions of the package skyutil in C++.
//
// Each takes the arguments it is meant for. Whatever else it is given (another type, a name that it
// does not know, text that is no number) it hands to its twin in skyutil._fallback as it came, so
// that every exception is Python's own and no answer depends on which of the two was loaded.
//
// The functions have CPython's vectorcall form, and everything that belongs to an interpreter is in
// the state of its module, so that each interpreter has its own, with or without a GIL (PEP 489,
// 630, 684, 703). pybind11 builds it and owns references.
//
// What may take longer than a millisecond lets other threads run, and what waits or works for long
// lets signals' handlers run: a KeyboardInterrupt ends the call.

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/hash.hpp>
#if defined(SKYUTIL_PYTHON_WITH_OPENSSL)
#include <skyutil/hash_openssl.hpp>
#endif
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#include <skyutil/workers.hpp>

#include <pybind11/pybind11.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <sys/syscall.h>
#include <unistd.h>

namespace py = pybind11;

namespace {

// --- arguments and results -----------------------------------------------------------------------

constexpr std::size_t most_parameters = 5;

/// The values of the parameters in their order; null for those that were not given.
using arguments = std::array<PyObject*, most_parameters>;

/// What a native function returns for the twin to answer, without an exception set.
constexpr PyObject* ask_twin = nullptr;

/// How often something happened.
class event_count {
public:
    [[nodiscard]] std::uint64_t value() const noexcept {
        return value_.load(std::memory_order_relaxed);
    }
    void reset() noexcept { value_.store(0, std::memory_order_relaxed); }
    void add() noexcept {
#if defined(Py_GIL_DISABLED)
        value_.fetch_add(1, std::memory_order_relaxed);
#else
        value_.store(value() + 1, std::memory_order_relaxed);  // whoever adds has the GIL
#endif
    }

private:
    std::atomic<std::uint64_t> value_ = 0;
};

/// What an interpreter has for a function; in a cache line of its own, as threads without a GIL
/// count at the same time.
struct alignas(64) function_state {
    PyObject* twin = nullptr;
    std::array<PyObject*, most_parameters> names{};  // of the parameters, interned
    event_count calls;
    event_count errors;     // calls that raised
    event_count fallbacks;  // calls that the twin answered
};

/// How a function is called: its parameters, of which the first `required` have no default. One
/// without a name can only be given by its position.
struct function {
    const char* name;
    std::array<const char*, most_parameters> parameters;
    std::size_t required;
    PyObject* (*body)(PyObject* module, const arguments& values);
    const char* documentation;

    /// False when the arguments do not fit.
    bool bind(const function_state& state, PyObject* const* given, Py_ssize_t count,
              PyObject* keywords, arguments& values) const noexcept {
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
            while (at < most && keyword != state.names[at]) {
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

py::object owned(PyObject* reference) noexcept {
    return py::reinterpret_steal<py::object>(reference);
}

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

// --- other threads and signals -------------------------------------------------------------------

/// Runs `work`, which uses nothing of Python, while other threads may have the GIL.
///
/// Not to be used below anything noexcept: before Python 3.14 a thread that wants the GIL of an
/// interpreter that is ending is ended, by unwinding its stack.
template <class Work>
void without_gil(const Work& work) {
    PyThreadState* const state = PyEval_SaveThread();
    std::exception_ptr failure;
    try {
        work();
    } catch (const std::exception&) {
        failure = std::current_exception();
    }
    PyEval_RestoreThread(state);
    if (failure) {
        std::rethrow_exception(failure);
    }
}

/// So many characters or bytes take about a millisecond where all of them are looked at.
constexpr std::size_t many = std::size_t{1} << 18;

/// Runs `work` over so many characters or bytes, without the GIL where they are many.
template <class Work>
void work_over(std::size_t size, const Work& work) {
    if (size < many) {
        work();
    } else {
        without_gil(work);
    }
}

/// Runs `work` without the GIL; now and then, and when a signal interrupts a system call, the
/// handlers of signals run. False when one raised: `work` ended early then.
template <class Work>
[[nodiscard]] bool interruptible(const Work& work) {
    struct signals {
        PyThreadState* thread;

        static bool raise(void* context) noexcept {
            if (::syscall(SYS_gettid) != ::getpid()) {
                return false;  // handlers run in the main thread
            }
            auto& self = *static_cast<signals*>(context);
            PyEval_RestoreThread(self.thread);
            const bool raised = PyErr_CheckSignals() != 0;
            self.thread = PyEval_SaveThread();
            return raised;
        }
    };
    signals signals{PyEval_SaveThread()};
    std::exception_ptr failure;
    try {
        const skyutil::detail::interruption interruption(&signals::raise, &signals);
        work();
    } catch (const std::exception&) {
        failure = std::current_exception();
    }
    PyEval_RestoreThread(signals.thread);
    if (PyErr_Occurred() != nullptr) {
        return false;
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    return true;
}

/// For loops that need the GIL: gives it to others and lets signals' handlers run now and then.
class pause {
public:
    /// False when a handler raised.
    [[nodiscard]] bool after_step() {
        if (++steps_ % 64 != 0 || clock::now() < next_) {
            return true;
        }
        PyEval_RestoreThread(PyEval_SaveThread());
        next_ = clock::now() + std::chrono::milliseconds(1);
        return PyErr_CheckSignals() == 0;
    }

private:
    using clock = std::chrono::steady_clock;
    unsigned steps_ = 0;
    clock::time_point next_ = clock::now() + std::chrono::milliseconds(1);
};

// --- text ----------------------------------------------------------------------------------------

/// A str of ASCII characters.
PyObject* to_str(std::string_view text) {
    const auto size = static_cast<Py_ssize_t>(text.size());
    if (text.size() < many) {
        return PyUnicode_DecodeUTF8(text.data(), size, "strict");
    }
    PyObject* const result = PyUnicode_New(size, 0x7f);
    if (result != nullptr) {
        without_gil([&] { std::memcpy(PyUnicode_DATA(result), text.data(), text.size()); });
    }
    return result;
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

/// A str of text that is known to be well-formed, which saves CPython most of its work.
PyObject* to_str_of_well_formed(std::string_view text) {
    Py_ssize_t count = 0;
    unsigned char highest = 0;  // it is a lead byte, which tells how wide the characters are
    work_over(text.size(), [&] {
        count = std::count_if(text.begin(), text.end(), [](char c) {
            return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
        });
        for (const char c : text) {
            highest = std::max(highest, static_cast<unsigned char>(c));
        }
    });
    PyObject* const result = PyUnicode_New(count, highest < 0x80   ? 0x7f
                                                  : highest < 0xc4 ? 0xff
                                                  : highest < 0xf0 ? 0xffff
                                                                   : 0x10ffff);
    if (result != nullptr) {
        void* const data = PyUnicode_DATA(result);
        work_over(text.size(), [&] {
            if (highest < 0xc4) {
                decode_well_formed<Py_UCS1>(text, data);
            } else if (highest < 0xf0) {
                decode_well_formed<Py_UCS2>(text, data);
            } else {
                decode_well_formed<Py_UCS4>(text, data);
            }
        });
    }
    return result;
}

/// Appends the characters [first, last) of a str as UTF-8; false at a surrogate.
bool append_utf8(std::string& out, int kind, const void* data, Py_ssize_t first, Py_ssize_t last) {
    for (Py_ssize_t i = first; i != last; ++i) {
        const Py_UCS4 c = PyUnicode_READ(kind, data, i);
        const auto trail = [&](unsigned shift) {
            out.push_back(static_cast<char>(0x80U | ((c >> shift) & 0x3fU)));
        };
        if (c < 0x80) {
            out.push_back(static_cast<char>(c));
        } else if (c < 0x800) {
            out.push_back(static_cast<char>(0xc0U | c >> 6));
            trail(0);
        } else if (c < 0x10000) {
            if (c >= 0xd800 && c < 0xe000) {
                return false;
            }
            out.push_back(static_cast<char>(0xe0U | c >> 12));
            trail(6);
            trail(0);
        } else {
            out.push_back(static_cast<char>(0xf0U | c >> 18));
            trail(12);
            trail(6);
            trail(0);
        }
    }
    return true;
}

/// A path from a str, bytes or PathLike, with the bytes that the system uses.
std::optional<std::filesystem::path> to_path(PyObject* object) {
    PyObject* encoded = nullptr;
    if (PyUnicode_FSConverter(object, &encoded) == 0) {
        PyErr_Clear();
        return std::nullopt;
    }
    const py::object owner = owned(encoded);
    return std::filesystem::path(std::string(PyBytes_AS_STRING(encoded),
                                             static_cast<std::size_t>(PyBytes_GET_SIZE(encoded))));
}

/// Sets the OSError that the system's functions raise in Python.
PyObject* raise_os_error(const std::error_code& error, PyObject* path = nullptr) {
    const py::object name = owned(path == nullptr ? nullptr : PyOS_FSPath(path));
    if (path != nullptr && !name) {
        return nullptr;
    }
    errno = error.value();
    return PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name.ptr());
}

// --- strings -------------------------------------------------------------------------------------

PyObject* base36_encode(PyObject*, const arguments& values) {
    constexpr std::size_t quick = 8192;  // digits in a fraction of a millisecond
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
        if (hex->size() <= quick) {
            return to_str(skyutil::base36_encode(*hex));
        }
        std::string text;
        return interruptible([&] { text = skyutil::base36_encode(*hex); }) ? to_str(text) : nullptr;
    } catch (const std::invalid_argument&) {
        return ask_twin;
    }
}

PyObject* format_float(PyObject*, const arguments& values) {
    constexpr long long highest = 100'000;
    const std::optional<long long> precision = values[1] == nullptr ? 1 : exact_int(values[1]);
    if (!PyFloat_CheckExact(values[0]) || !precision || *precision < 0 || *precision > highest) {
        return ask_twin;
    }
    return to_str(
        skyutil::format_float(PyFloat_AS_DOUBLE(values[0]), static_cast<int>(*precision)));
}

/// How much of the start of a text tells how it is shortened between words: up to the character
/// with which there are more than max_length, spaces not counted.
struct decision {
    Py_ssize_t seen = 0;
    Py_ssize_t counted = 0;

    /// Looks on until so many characters are seen; whether that was enough.
    bool look(int kind, const void* data, Py_ssize_t most, Py_ssize_t max_length) noexcept {
        while (seen != most && counted <= max_length) {
            counted += PyUnicode_READ(kind, data, seen) == ' ' ? 0 : 1;
            ++seen;
        }
        return counted > max_length;
    }
};

PyObject* truncate_huge(PyObject* text, Py_ssize_t max_length, skyutil::truncate_mode mode) {
    const Py_ssize_t size = PyUnicode_GET_LENGTH(text);
    const auto kind = static_cast<int>(PyUnicode_KIND(text));
    const void* const data = PyUnicode_DATA(text);
    Py_ssize_t head = size;  // what is left out after it and before the tail makes no difference
    Py_ssize_t tail = size;
    if (mode == skyutil::truncate_mode::middle) {
        if (max_length < size / 2) {
            head = max_length + 1;
            tail = size - max_length;
        }
    } else {
        decision decision;
        if (!decision.look(kind, data, std::min(size, static_cast<Py_ssize_t>(many)), max_length)) {
            without_gil([&] { decision.look(kind, data, size, max_length); });
        }
        head = decision.seen;
    }
    bool well_formed = false;
    std::string shortened;
    work_over(static_cast<std::size_t>(head), [&] {
        std::string utf8;
        well_formed =
            append_utf8(utf8, kind, data, 0, head) && append_utf8(utf8, kind, data, tail, size);
        if (well_formed) {
            shortened =
                skyutil::truncate_long_string(utf8, static_cast<std::size_t>(max_length), mode);
        }
    });
    return well_formed ? to_str_of_well_formed(shortened) : ask_twin;
}

PyObject* truncate_long_string(PyObject*, const arguments& values) {
    const std::optional<long long> max_length = values[1] == nullptr ? 35 : exact_int(values[1]);
    const auto mode =
        values[2] == Py_True ? skyutil::truncate_mode::middle : skyutil::truncate_mode::word;
    if (!PyUnicode_CheckExact(values[0]) || PyUnicode_READY(values[0]) != 0 || !max_length ||
        *max_length < 0 || (values[2] != nullptr && !PyBool_Check(values[2]))) {
        return ask_twin;
    }
    const Py_ssize_t size = PyUnicode_GET_LENGTH(values[0]);
    if (size <= *max_length) {
        Py_INCREF(values[0]);
        return values[0];
    }
    const auto shorten = [&](std::string_view text) {
        return skyutil::truncate_long_string(text, static_cast<std::size_t>(*max_length), mode);
    };
    // The text as UTF-8 stays with the str, as CPython does it; a long one is not worth that.
    constexpr Py_ssize_t longest_kept = 4096;
    const std::optional<std::string_view> text = ascii(values[0]);
    if (static_cast<std::size_t>(size) >= many || (!text && size > longest_kept)) {
        return truncate_huge(values[0], static_cast<Py_ssize_t>(*max_length), mode);
    }
    if (text) {
        return to_str(shorten(*text));
    }
    Py_ssize_t bytes = 0;
    if (const char* const utf8 = PyUnicode_AsUTF8AndSize(values[0], &bytes)) {
        return to_str_of_well_formed(shorten({utf8, static_cast<std::size_t>(bytes)}));
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

/// What UTF-8 text says, decoded as CPython does it.
PyObject* decode_utf8(std::string_view text, const char* errors) {
    if (text.size() >= many) {
        std::string replaced;
        bool same = false;
        without_gil([&] {
            skyutil::detail::append_replacing_invalid(replaced, text);
            same = replaced == text;
        });
        if (same || std::string_view(errors) == "replace") {
            return to_str_of_well_formed(replaced);
        }
    }
    return PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), errors);
}

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
        return owned(decode_utf8(line, codec.errors));
    }
    if (ends) {
        line.remove_suffix(1);
    }
    py::object text = owned(PyUnicode_Decode(line.data(), static_cast<Py_ssize_t>(line.size()),
                                             codec.encoding, codec.errors));
    if (text) {
        text = owned(PyObject_CallMethod(text.ptr(), "rstrip", "s", "\r"));
    }
    if (text && more) {
        text = owned(PyUnicode_FromFormat("%U\n", text.ptr()));
    }
    return text;
}

/// Raises what the twin would for a file that cannot be read.
PyObject* raise_read_error(PyObject* path, long long n, const std::error_code& error) {
    const py::object twins = owned(PyImport_ImportModule("skyutil._fallback"));
    if (twins) {
        owned(PyObject_CallMethod(twins.ptr(), "_raise_read_error", "OLi", path, n, error.value()));
    }
    return nullptr;
}

PyObject* read_last_n_lines(PyObject*, const arguments& values) {
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
    if (!interruptible([&] {
            tail = skyutil::file_tail(*path, static_cast<std::size_t>(*n),
                                      {.line_end = skyutil::line_end::keep,
                                       .max_bytes = std::numeric_limits<std::size_t>::max()},
                                      error);
        })) {
        return nullptr;
    }
    if (error) {
        return may_be_absent(error) ? ask_twin : raise_read_error(values[0], *n, error);
    }
    const auto lines = tail.lines();
    const py::object result = owned(PyList_New(static_cast<Py_ssize_t>(lines.size())));
    if (!result) {
        return nullptr;
    }
    std::size_t bytes = 0;
    pause pause;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        py::object line = decode_line(lines[i], i + 1 != lines.size(), codec, utf8);
        if (!line || !pause.after_step()) {
            return nullptr;
        }
        PyList_SET_ITEM(result.ptr(), static_cast<Py_ssize_t>(i), line.release().ptr());
        bytes += lines[i].size();
    }
    work_over(bytes, [&] { tail = {}; });
    return py::object(result).release().ptr();
}

PyObject* estimate_fd_for_directory(PyObject*, const arguments& values) {
    const std::optional<std::filesystem::path> path = to_path(values[0]);
    if (!path) {
        return ask_twin;
    }
    std::error_code error;
    std::size_t descriptors = 0;
    if (!interruptible([&] { descriptors = skyutil::estimate_fd_for_directory(*path, error); })) {
        return nullptr;
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
struct hash_object {
    PyObject_HEAD const hash_function* function;
    hash_state* state;
    std::mutex mutex;  // of the state

    /// What the threads that have the lock do may need the GIL at its end: it is not waited for
    /// with the GIL.
    [[nodiscard]] std::unique_lock<std::mutex> lock() {
        std::unique_lock lock(mutex, std::try_to_lock);
        if (!lock) {
            without_gil([&] { lock.lock(); });
        }
        return lock;
    }
};

hash_object& as_hash(PyObject* self) noexcept { return *reinterpret_cast<hash_object*>(self); }

PyObject* raise_current_exception() noexcept {
    try {
        throw;
    } catch (const std::bad_alloc&) {
        return PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
        return nullptr;
    }
}

/// Turns what `body` throws into a Python exception.
template <class Body>
PyObject* guarded(const Body& body) {
    try {
        return body();
    } catch (const std::exception&) {
        return raise_current_exception();
    }
}

PyObject* new_hash(PyTypeObject* type, const hash_function& function,
                   std::unique_ptr<hash_state> state) {
    PyObject* const self = type->tp_alloc(type, 0);
    if (self != nullptr) {
        as_hash(self).function = &function;
        as_hash(self).state = state.release();
        new (&as_hash(self).mutex) std::mutex;
    }
    return self;
}

void delete_hash(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    delete as_hash(self).state;
    as_hash(self).mutex.~mutex();
    type->tp_free(self);
    Py_DECREF(type);
}

PyObject* hash_name(PyObject* self, void*) {
    return PyUnicode_FromString(as_hash(self).function->name.data());
}
PyObject* hash_digest_size(PyObject* self, void*) {
    return PyLong_FromSize_t(as_hash(self).function->digest_size);
}
PyObject* hash_block_size(PyObject* self, void*) {
    return PyLong_FromSize_t(as_hash(self).function->block_size);
}

skyutil::digest digest_of(PyObject* self) {
    const auto lock = as_hash(self).lock();
    return as_hash(self).state->digest();
}

PyObject* hash_digest(PyObject* self, PyObject*) {
    return guarded([&] {
        const skyutil::digest digest = digest_of(self);
        const std::span<const std::byte> bytes = digest.bytes();
        return PyBytes_FromStringAndSize(reinterpret_cast<const char*>(bytes.data()),
                                         static_cast<Py_ssize_t>(bytes.size()));
    });
}

PyObject* hash_hexdigest(PyObject* self, PyObject*) {
    return guarded([&] { return to_str(digest_of(self).hex()); });
}

PyObject* hash_update(PyObject* self, PyObject* data) {
    if (PyUnicode_Check(data)) {
        PyErr_SetString(PyExc_TypeError, "Strings must be encoded before hashing");
        return nullptr;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(data, &view, PyBUF_SIMPLE) != 0) {
        return nullptr;
    }
    const std::unique_ptr<Py_buffer, void (*)(Py_buffer*)> owner(&view, PyBuffer_Release);
    return guarded([&] {
        const auto size = static_cast<std::size_t>(view.len);
        const auto lock = as_hash(self).lock();
        work_over(size, [&] {
            as_hash(self).state->update({static_cast<const std::byte*>(view.buf), size});
        });
        Py_RETURN_NONE;
    });
}

PyObject* hash_copy(PyObject* self, PyObject*) {
    return guarded([&] {
        std::unique_ptr<hash_state> copy;
        {
            const auto lock = as_hash(self).lock();
            copy = as_hash(self).state->copy();
        }
        return new_hash(Py_TYPE(self), *as_hash(self).function, std::move(copy));
    });
}

PyObject* hash_repr(PyObject* self) {
    return PyUnicode_FromFormat("<%s skyutil.hash object>", as_hash(self).function->name.data());
}

std::array hash_attributes{
    PyGetSetDef{"name", hash_name, nullptr, nullptr, nullptr},
    PyGetSetDef{"digest_size", hash_digest_size, nullptr, nullptr, nullptr},
    PyGetSetDef{"block_size", hash_block_size, nullptr, nullptr, nullptr},
    PyGetSetDef{},
};
std::array hash_methods{
    PyMethodDef{"digest", hash_digest, METH_NOARGS, "digest($self, /)\n--\n\n"},
    PyMethodDef{"hexdigest", hash_hexdigest, METH_NOARGS, "hexdigest($self, /)\n--\n\n"},
    PyMethodDef{"update", hash_update, METH_O, "update($self, data, /)\n--\n\n"},
    PyMethodDef{"copy", hash_copy, METH_NOARGS, "copy($self, /)\n--\n\n"},
    PyMethodDef{},
};
std::array hash_slots{
    PyType_Slot{Py_tp_doc, const_cast<char*>("A hash object as those of hashlib.")},
    PyType_Slot{Py_tp_dealloc, reinterpret_cast<void*>(delete_hash)},
    PyType_Slot{Py_tp_repr, reinterpret_cast<void*>(hash_repr)},
    PyType_Slot{Py_tp_getset, hash_attributes.data()},
    PyType_Slot{Py_tp_methods, hash_methods.data()},
    PyType_Slot{},
};
PyType_Spec hash_spec{"skyutil._native.hash", sizeof(hash_object), 0, Py_TPFLAGS_DEFAULT,
                      hash_slots.data()};

PyTypeObject* hash_type_of(PyObject* module) noexcept;

PyObject* hash_file(PyObject* module, const arguments& values) {
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
        if (!interruptible([&] {
                state = function->make();
                skyutil::detail::read_file_blocks(
                    *path, {}, error,
                    [&](std::span<const std::byte> bytes) { state->update(bytes); });
            })) {
            return nullptr;
        }
    } catch (const std::system_error&) {
        return ask_twin;  // OpenSSL has this one forbidden: hashlib says what is to be said
    }
    return error ? raise_os_error(error, values[0])
                 : new_hash(hash_type_of(module), *function, std::move(state));
}

// --- following -----------------------------------------------------------------------------------

/// The iterator that follow() is.
struct follow_object {
    PyObject_HEAD PyObject* path;
    skyutil::file_follower_set* files;  // none once it is closed
    std::chrono::duration<double> timeout;
    std::string* encoding;
    std::string* errors;
    std::atomic_flag busy;
};

follow_object& as_follow(PyObject* self) noexcept {
    return *reinterpret_cast<follow_object*>(self);
}

/// Calls `body` unless another thread has the iterator, which is an error as of a generator.
template <class Body>
PyObject* with_follow(PyObject* self, const Body& body) {
    follow_object& object = as_follow(self);
    if (object.busy.test_and_set(std::memory_order_acquire)) {
        PyErr_SetString(PyExc_ValueError, "another thread has this iterator");
        return nullptr;
    }
    PyObject* const result = guarded([&] { return body(object); });
    object.busy.clear(std::memory_order_release);
    return result;
}

/// The seconds of a timeout, for ever for None; nullopt, with an exception set, if it is none.
std::optional<std::chrono::duration<double>> to_timeout(PyObject* object) {
    constexpr std::chrono::duration<double> for_ever(3e9);
    if (object == nullptr || object == Py_None) {
        return for_ever;
    }
    const double seconds = PyFloat_AsDouble(object);
    if (PyErr_Occurred() != nullptr) {
        return std::nullopt;
    }
    if (!(seconds >= 0)) {
        PyErr_SetString(PyExc_ValueError, "timeout must be a number of seconds from 0 on");
        return std::nullopt;
    }
    return std::min(std::chrono::duration<double>(seconds), for_ever);
}

PyObject* new_follow(PyTypeObject* type, PyObject* given, PyObject* keywords) {
    static constexpr std::array<const char*, 6> names{"path",     "n",      "timeout",
                                                      "encoding", "errors", nullptr};
    PyObject* path = nullptr;
    Py_ssize_t n = 0;
    PyObject* timeout = nullptr;
    const char* encoding = "utf-8";
    const char* errors = "replace";
    if (PyArg_ParseTupleAndKeywords(given, keywords, "O|n$Oss:follow",
                                    const_cast<char**>(names.data()), &path, &n, &timeout,
                                    &encoding, &errors) == 0) {
        return nullptr;
    }
    const auto seconds = to_timeout(timeout);
    if (!seconds) {
        return nullptr;
    }
    if (n < 0) {
        return PyErr_Format(PyExc_ValueError, "n must be non-negative. Got %zd", n);
    }
    PyObject* encoded = nullptr;
    if (PyUnicode_FSConverter(path, &encoded) == 0) {
        return nullptr;
    }
    const py::object bytes = owned(encoded);
    return guarded([&]() -> PyObject* {
        skyutil::follow_options options;
        if (n > 0) {
            options.start = skyutil::follow_start::last_lines;
            options.last_lines = static_cast<std::size_t>(n);
        }
        const std::filesystem::path name(PyBytes_AS_STRING(encoded));
        std::unique_ptr<skyutil::file_follower_set> files;
        std::error_code error;
        if (!interruptible([&] {
                files = std::make_unique<skyutil::file_follower_set>(options, error);
                if (!error) {
                    files->add(name, error);
                }
            })) {
            return nullptr;
        }
        if (error) {
            return raise_os_error(error, path);
        }
        auto kept_encoding = std::make_unique<std::string>(encoding);
        auto kept_errors = std::make_unique<std::string>(errors);
        PyObject* const self = type->tp_alloc(type, 0);
        if (self != nullptr) {
            as_follow(self).path = py::reinterpret_borrow<py::object>(path).release().ptr();
            as_follow(self).files = files.release();
            as_follow(self).timeout = *seconds;
            as_follow(self).encoding = kept_encoding.release();
            as_follow(self).errors = kept_errors.release();
            new (&as_follow(self).busy) std::atomic_flag;
        }
        return self;
    });
}

void delete_follow(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    delete as_follow(self).files;
    delete as_follow(self).encoding;
    delete as_follow(self).errors;
    Py_CLEAR(as_follow(self).path);
    type->tp_free(self);
    Py_DECREF(type);
}

int traverse_follow(PyObject* self, visitproc visit, void* arg) {
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(as_follow(self).path);
    return 0;
}

PyObject* next_followed(PyObject* self) {
    return with_follow(self, [&](follow_object& object) -> PyObject* {
        const auto deadline = std::chrono::steady_clock::now() +
                              std::chrono::ceil<std::chrono::milliseconds>(object.timeout);
        while (object.files != nullptr) {
            std::optional<skyutil::follow_event> event;
            std::error_code error;
            if (!interruptible([&] {
                    event = object.files->next(deadline - std::chrono::steady_clock::now(), error);
                })) {
                return nullptr;
            }
            if (!error && event) {
                error = event->kind == skyutil::follow_kind::failed ? event->error : error;
            }
            if (error) {
                return raise_os_error(error, object.path);
            }
            if (!event) {
                return nullptr;  // the time is over
            }
            if (event->kind == skyutil::follow_kind::line ||
                event->kind == skyutil::follow_kind::partial) {
                const py::object text = owned(PyUnicode_Decode(
                    event->text.data(), static_cast<Py_ssize_t>(event->text.size()),
                    object.encoding->c_str(), object.errors->c_str()));
                return text ? PyObject_CallMethod(text.ptr(), "rstrip", "s", "\r") : nullptr;
            }
        }
        return nullptr;
    });
}

PyObject* close_follow(PyObject* self, PyObject*) {
    return with_follow(self, [](follow_object& object) {
        delete std::exchange(object.files, nullptr);
        Py_RETURN_NONE;
    });
}

PyObject* exit_follow(PyObject* self, PyObject*) { return close_follow(self, nullptr); }

PyObject* itself(PyObject* self, PyObject*) {
    Py_INCREF(self);
    return self;
}

std::array follow_methods{
    PyMethodDef{"close", close_follow, METH_NOARGS,
                "close($self, /)\n--\n\nCloses the file; there is no next line then."},
    PyMethodDef{"__enter__", itself, METH_NOARGS, nullptr},
    PyMethodDef{"__exit__", exit_follow, METH_VARARGS, nullptr},
    PyMethodDef{},
};
std::array follow_slots{
    PyType_Slot{
        Py_tp_doc,
        const_cast<char*>(
            "follow(path, n=0, *, timeout=None, encoding='utf-8', errors='replace')\n--\n\n"
            "The lines that are appended to a file from now on, after the last n there are.")},
    PyType_Slot{Py_tp_new, reinterpret_cast<void*>(new_follow)},
    PyType_Slot{Py_tp_dealloc, reinterpret_cast<void*>(delete_follow)},
    PyType_Slot{Py_tp_traverse, reinterpret_cast<void*>(traverse_follow)},
    PyType_Slot{Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
    PyType_Slot{Py_tp_iternext, reinterpret_cast<void*>(next_followed)},
    PyType_Slot{Py_tp_methods, follow_methods.data()},
    PyType_Slot{},
};
PyType_Spec follow_spec{"skyutil._native.follow", sizeof(follow_object), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, follow_slots.data()};

// --- ports, this machine, processes --------------------------------------------------------------

PyObject* find_free_port(PyObject*, const arguments& values) {
    const std::optional<long long> start = exact_int(values[0]);
    if (!start || *start < 0 || *start > std::numeric_limits<std::uint16_t>::max()) {
        return ask_twin;
    }
    std::error_code error;
    std::uint16_t port = 0;
    if (!interruptible(
            [&] { port = skyutil::find_free_port(static_cast<std::uint16_t>(*start), error); })) {
        return nullptr;
    }
    if (!error) {
        return PyLong_FromLong(port);
    }
    if (error != std::errc::address_in_use && error != std::errc::permission_denied) {
        return raise_os_error(error);
    }
    const py::object exception = owned(
        PyObject_CallFunction(PyExc_OSError, "is", error.value(), "No free ports available."));
    if (exception) {
        PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    }
    return nullptr;
}

// These read the environment, which another thread may change when it has the GIL, and otherwise
// ask the kernel for what it has in memory, once in 10 milliseconds. Without a GIL a program must
// not change os.environ while another thread calls them, as with all that calls getenv(3).

PyObject* get_cpu_count(PyObject*, const arguments&) {
    std::error_code error;
    const int cpus = skyutil::get_cpu_count(error);
    return error ? ask_twin : PyLong_FromLong(cpus);
}

PyObject* get_mem_size_gb(PyObject*, const arguments&) {
    std::error_code error;
    const double gib = skyutil::get_mem_size_gb(error);
    return error ? ask_twin : PyFloat_FromDouble(gib);
}

PyObject* get_parallel_threads(PyObject*, const arguments& values) {
    const std::optional<std::string_view> cloud = cloud_name(values[0]);
    if (!cloud) {
        return ask_twin;
    }
    std::error_code error;
    const int threads = skyutil::get_parallel_threads(*cloud, error);
    return error ? ask_twin : PyLong_FromLong(threads);
}

PyObject* is_process_alive(PyObject*, const arguments& values) {
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

PyObject* get_max_workers_for_file_mounts(PyObject*, const arguments& values) {
    if (const std::optional<long long> sources = exact_int(values[0])) {
        return workers_for_number(*sources, values[1], values[2]);
    }
    const std::optional<std::string_view> cloud = cloud_name(values[1]);
    if (!PyDict_CheckExact(values[0]) || values[2] != nullptr || !cloud) {
        return ask_twin;
    }
    // A copy: other threads may change the dict meanwhile.
    const py::object sources = owned(PyDict_Values(values[0]));
    if (!sources) {
        return nullptr;
    }
    const Py_ssize_t count = PyList_GET_SIZE(sources.ptr());
    std::vector<std::filesystem::path> paths;
    paths.reserve(static_cast<std::size_t>(count));
    pause pause;
    for (Py_ssize_t i = 0; i != count; ++i) {
        PyObject* const source = PyList_GET_ITEM(sources.ptr(), i);
        if (!PyUnicode_CheckExact(source) && !PyBytes_CheckExact(source)) {
            return ask_twin;
        }
        std::optional<std::filesystem::path> path = to_path(source);
        if (!path) {
            return ask_twin;
        }
        paths.push_back(std::move(*path));
        if (!pause.after_step()) {
            return nullptr;
        }
    }
    std::error_code error;
    std::filesystem::path failed;
    std::size_t descriptors = 0;
    if (!interruptible(
            [&] { descriptors = skyutil::detail::fds_for_sources(paths, error, failed); })) {
        return nullptr;
    }
    if (error) {
        return ask_twin;  // it names the directory that cannot be read
    }
    namespace os = skyutil::detail::os;
    const auto limit = os::limits_source().limit(os::resource::descriptors, error).soft;
    const int threads = error ? 1 : skyutil::get_parallel_threads(*cloud, error);
    return error ? ask_twin
                 : PyLong_FromLong(skyutil::detail::max_workers(limit, descriptors, threads));
}

// --- the module ----------------------------------------------------------------------------------

constexpr std::array functions{
    function{"base36_encode",
             {"hex_str"},
             1,
             base36_encode,
             "base36_encode(hex_str)\n--\n\n"
             "A hexadecimal text in base 36."},
    function{"format_float",
             {"num", "precision"},
             1,
             format_float,
             "format_float(num, precision=1)\n--\n\n"
             "A whole number without a decimal point, others with precision digits."},
    function{"truncate_long_string",
             {"s", "max_length", "truncate_middle"},
             1,
             truncate_long_string,
             "truncate_long_string(s, max_length=35, truncate_middle=False)\n--\n\n"
             "A text of more than max_length characters shortened between words, or in the "
             "middle."},
    function{"read_last_n_lines",
             {"file_path", "n", "chunk_size", "encoding", "errors"},
             2,
             read_last_n_lines,
             "read_last_n_lines(file_path, n, chunk_size=8192, encoding='utf-8', "
             "errors='replace')\n--\n\n"
             "The last n lines of a file."},
    function{"hash_file",
             {"path", "hash_alg"},
             2,
             hash_file,
             "hash_file(path, hash_alg)\n--\n\n"
             "The hash object of a file's bytes."},
    function{"estimate_fd_for_directory",
             {"path"},
             1,
             estimate_fd_for_directory,
             "estimate_fd_for_directory(path)\n--\n\n"
             "Five descriptors for each entry of a directory."},
    function{"find_free_port",
             {"start_port"},
             1,
             find_free_port,
             "find_free_port(start_port)\n--\n\n"
             "The first port from start_port on that can be bound now."},
    function{"get_cpu_count",
             {},
             0,
             get_cpu_count,
             "get_cpu_count()\n--\n\n"
             "How many CPUs the calling thread may use, at least 1."},
    function{"get_mem_size_gb",
             {},
             0,
             get_mem_size_gb,
             "get_mem_size_gb()\n--\n\n"
             "How much memory this process may use, in GiB."},
    function{"get_parallel_threads",
             {"cloud_str"},
             0,
             get_parallel_threads,
             "get_parallel_threads(cloud_str=None)\n--\n\n"
             "How many threads to work with in parallel."},
    function{"is_process_alive",
             {"pid"},
             1,
             is_process_alive,
             "is_process_alive(pid)\n--\n\n"
             "Whether any thread of the process is executing."},
    function{"get_max_workers_for_file_mounts",
             {"common_file_mounts", "cloud_str", ""},
             1,
             get_max_workers_for_file_mounts,
             "get_max_workers_for_file_mounts(common_file_mounts, cloud_str=None)\n--\n\n"
             "How many workers may copy sources at once; also of (num_sources,\n"
             "estimated_files_per_source=100, cloud_str=None)."},
};

/// What belongs to one interpreter.
struct module_state {
    std::array<function_state, functions.size()> entries;
    PyObject* hash_type = nullptr;

    template <class Visit>
    int visit(const Visit& visit) {
        for (function_state& entry : entries) {
            if (const int result = visit(entry.twin)) {
                return result;
            }
            for (PyObject*& name : entry.names) {
                if (const int result = visit(name)) {
                    return result;
                }
            }
        }
        return visit(hash_type);
    }
};

/// CPython's memory for it has no more alignment than usual.
module_state*& module_state_of(PyObject* module) noexcept {
    return *static_cast<module_state**>(PyModule_GetState(module));
}

PyTypeObject* hash_type_of(PyObject* module) noexcept {
    return reinterpret_cast<PyTypeObject*>(module_state_of(module)->hash_type);
}

/// What CPython calls.
template <std::size_t Index>
PyObject* call(PyObject* module, PyObject* const* given, Py_ssize_t count, PyObject* keywords) {
    constexpr const function& self = functions[Index];
    function_state& state = module_state_of(module)->entries[Index];
    state.calls.add();
    PyObject* result = guarded([&]() -> PyObject* {
        arguments values{};
        return self.bind(state, given, count, keywords, values) ? self.body(module, values)
                                                                : ask_twin;
    });
    if (result == ask_twin && PyErr_Occurred() == nullptr) {
        state.fallbacks.add();
        result = PyObject_Vectorcall(state.twin, given, static_cast<std::size_t>(count), keywords);
    }
    if (result == nullptr) {
        state.errors.add();
    }
    return result;
}

template <std::size_t... Indices>
constexpr auto define(std::index_sequence<Indices...>) {
    return std::array{
        PyMethodDef{functions[Indices].name,
                    reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(&call<Indices>)),
                    METH_FASTCALL | METH_KEYWORDS, functions[Indices].documentation}...};
}

auto definitions = define(std::make_index_sequence<functions.size()>());

PyObject* counters(PyObject* module, PyObject*) {
    py::object result = owned(PyDict_New());
    for (std::size_t i = 0; result && i != functions.size(); ++i) {
        const function_state& state = module_state_of(module)->entries[i];
        const py::object counts = owned(Py_BuildValue(
            "{s:K,s:K,s:K}", "calls", static_cast<unsigned long long>(state.calls.value()),
            "errors", static_cast<unsigned long long>(state.errors.value()), "fallbacks",
            static_cast<unsigned long long>(state.fallbacks.value())));
        if (!counts || PyDict_SetItemString(result.ptr(), functions[i].name, counts.ptr()) != 0) {
            return nullptr;
        }
    }
    return result.release().ptr();
}

PyObject* reset_counters(PyObject* module, PyObject*) {
    for (function_state& state : module_state_of(module)->entries) {
        state.calls.reset();
        state.errors.reset();
        state.fallbacks.reset();
    }
    Py_RETURN_NONE;
}

// What the tests compare below copies of /proc and /sys.

PyObject* cpu_count_below(PyObject*, PyObject* root) {
    return guarded([&]() -> PyObject* {
        const std::optional<std::filesystem::path> path = to_path(root);
        return path ? PyLong_FromLong(skyutil::get_cpu_budget(skyutil::sysroot{*path}).usable())
                    : (PyErr_SetString(PyExc_TypeError, "a path is needed"), nullptr);
    });
}

PyObject* memory_below(PyObject*, PyObject* root) {
    return guarded([&]() -> PyObject* {
        const std::optional<std::filesystem::path> path = to_path(root);
        if (!path) {
            PyErr_SetString(PyExc_TypeError, "a path is needed");
            return nullptr;
        }
        const skyutil::memory_budget budget = skyutil::get_memory_budget(skyutil::sysroot{*path});
        const std::uint64_t none = std::numeric_limits<std::uint64_t>::max();
        const std::uint64_t bytes =
            std::min(budget.physical.value_or(none), budget.limit.value_or(none));
        return PyLong_FromUnsignedLongLong(bytes == none ? 0 : bytes);
    });
}

std::array methods{
    PyMethodDef{"_counters", counters, METH_NOARGS, nullptr},
    PyMethodDef{"_reset_counters", reset_counters, METH_NOARGS, nullptr},
    PyMethodDef{"_cpu_count_below", cpu_count_below, METH_O, nullptr},
    PyMethodDef{"_memory_below", memory_below, METH_O, nullptr},
    PyMethodDef{},
};

/// Adds an object to the module; false, with an exception set, when it is null or cannot be added.
bool add(PyObject* module, const char* name, const py::object& object) {
    return object && PyObject_SetAttrString(module, name, object.ptr()) == 0;
}

bool add_functions(PyObject* module) {
    module_state& state = *module_state_of(module);
    const py::object twins = owned(PyImport_ImportModule("skyutil._fallback"));
    const py::object package = owned(PyUnicode_FromString("skyutil"));
    if (!twins || !package) {
        return false;
    }
    for (std::size_t i = 0; i != functions.size(); ++i) {
        function_state& each = state.entries[i];
        for (std::size_t j = 0; j != most_parameters; ++j) {
            if (const char* const name = functions[i].parameters[j]) {
                each.names[j] = PyUnicode_InternFromString(name);
            }
        }
        each.twin = PyObject_GetAttrString(twins.ptr(), functions[i].name);
        if (each.twin == nullptr ||
            !add(module, functions[i].name,
                 owned(PyCFunction_NewEx(&definitions[i], module, package.ptr())))) {
            return false;
        }
    }
    return true;
}

int execute(PyObject* module) {
    module_state_of(module) = new (std::nothrow) module_state;
    if (module_state_of(module) == nullptr) {
        PyErr_NoMemory();
        return -1;
    }
    const py::object type = owned(PyType_FromModuleAndSpec(module, &hash_spec, nullptr));
    if (!type) {
        return -1;
    }
    reinterpret_cast<PyTypeObject*>(type.ptr())->tp_new = nullptr;  // hash_file makes them
    module_state_of(module)->hash_type = py::object(type).release().ptr();
    const py::object follow = owned(PyType_FromModuleAndSpec(module, &follow_spec, nullptr));
    const std::string version(skyutil::version);
    return add(module, "hash", type) && add(module, "follow", follow) &&
                   add(module, "__version__", owned(PyUnicode_FromString(version.c_str()))) &&
                   add(module, "__python__",
                       owned(Py_BuildValue("(ii)", PY_MAJOR_VERSION, PY_MINOR_VERSION))) &&
                   add_functions(module)
               ? 0
               : -1;
}

int traverse(PyObject* module, visitproc visit, void* argument) {
    module_state** const state = &module_state_of(module);
    return *state == nullptr ? 0 : (*state)->visit([&](PyObject* object) {
        return object == nullptr ? 0 : visit(object, argument);
    });
}

void destroy(void* module) {
    module_state*& state = module_state_of(static_cast<PyObject*>(module));
    if (state != nullptr) {
        static_cast<void>(state->visit([](PyObject*& object) {
            Py_CLEAR(object);
            return 0;
        }));
        delete state;
        state = nullptr;
    }
}

std::array slots{
    PyModuleDef_Slot{Py_mod_exec, reinterpret_cast<void*>(execute)},
#if PY_VERSION_HEX >= 0x030c0000
    PyModuleDef_Slot{Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#if PY_VERSION_HEX >= 0x030d0000
    PyModuleDef_Slot{Py_mod_gil, Py_MOD_GIL_NOT_USED},
#endif
    PyModuleDef_Slot{},
};

PyModuleDef definition{
    PyModuleDef_HEAD_INIT,
    "_native",
    "The functions of skyutil in C++; see the package skyutil.",
    sizeof(module_state*),
    methods.data(),
    slots.data(),
    traverse,
    nullptr,
    destroy,
};

}  // namespace

extern "C" PYBIND11_EXPORT PyObject* PyInit__native() { return PyModuleDef_Init(&definition); }
