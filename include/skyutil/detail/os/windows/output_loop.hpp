// SPDX-License-Identifier: MIT
//
// detail/os/windows/output_loop.hpp: what detail/os/output_loop.hpp declares, with one completion
// port: the system reads and writes beforehand, and a thread of its own waits for processes.
//
// Sources: "I/O Completion Ports", "Synchronous and Asynchronous I/O", CancelIoEx,
// RegisterWaitForSingleObject of Microsoft's reference.

#pragma once

#include <skyutil/detail/base/interruption.hpp>
#include <skyutil/detail/os/windows/handle_waits.hpp>
#include <skyutil/version.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os {

namespace sys {

inline constexpr std::size_t loop_buffer_size = 1U << 16;  // what a pipe holds
inline constexpr size_type key_of_wake = 0;                // the sources have those from 1 on

inline loop_entry& add_entry(loop_state& loop, loop_source kind, handle source,
                             std::string_view text = {}) {
    const auto index = std::count_if(loop.entries.begin(), loop.entries.end(),
                                     [&](const loop_entry& each) { return each.kind == kind; });
    loop_entry& entry =
        loop.entries.emplace_back(kind, static_cast<std::size_t>(index), source, text);
    entry.port = loop.port.get();
    entry.key = loop.entries.size();
    return entry;
}

inline void add_pipe(loop_state& loop, loop_source kind, handle source,
                     std::string_view text = {}) {
    loop_entry& entry = add_entry(loop, kind, source, text);
    if (entry.port == no_handle ||
        CreateIoCompletionPort(source, entry.port, entry.key, 0) == nullptr) {
        entry.error = last_error();
        entry.stage = loop_stage::done;
    }
}

inline loop_entry& find_entry(loop_state& loop, loop_source kind, std::size_t index) {
    return *std::find_if(loop.entries.begin(), loop.entries.end(), [&](const loop_entry& each) {
        return each.kind == kind && each.index == index;
    });
}

inline ::_OVERLAPPED* begin_operation(loop_entry& entry) noexcept {
    entry.operation = {};
    entry.error.clear();
    entry.count = 0;
    entry.stage = loop_stage::busy;
    return reinterpret_cast<::_OVERLAPPED*>(&entry.operation);
}

/// What begins tells its end at the port; what does not is over.
inline void end_if_failed(loop_entry& entry, int begun) noexcept {
    constexpr unsigned long pending = 997;  // ERROR_IO_PENDING
    const unsigned long number = begun == 0 ? GetLastError() : pending;
    if (number != pending) {
        entry.error = error_of(number);
        entry.stage = loop_stage::done;
    }
}

inline void begin_read(loop_entry& entry, std::size_t most) {
    if (!entry.buffer) {
        entry.buffer = std::make_unique_for_overwrite<char[]>(loop_buffer_size);  // NOLINT
    }
    const auto size = static_cast<unsigned long>((std::min)(most, loop_buffer_size));
    end_if_failed(
        entry, ReadFile(entry.source, entry.buffer.get(), size, nullptr, begin_operation(entry)));
}

inline void begin_write(loop_entry& entry) noexcept {
    const auto size = static_cast<unsigned long>((std::min)(entry.text.size(), loop_buffer_size));
    end_if_failed(
        entry, WriteFile(entry.source, entry.text.data(), size, nullptr, begin_operation(entry)));
}

inline void __stdcall tell_end_of_process(void* context, unsigned char) noexcept {
    const auto& entry = *static_cast<const loop_entry*>(context);
    PostQueuedCompletionStatus(entry.port, 0, entry.key, nullptr);
}

/// Has a process waited for. Where that cannot be, it is looked after: there is no wait then.
inline void begin_wait(loop_entry& entry) noexcept {
    constexpr unsigned long once_and_there = 0x8 | 0x4;  // WT_EXECUTEONLYONCE | ..INWAITTHREAD
    entry.stage = loop_stage::busy;
    if (entry.source != no_handle &&
        RegisterWaitForSingleObject(&entry.wait, entry.source, tell_end_of_process, &entry,
                                    no_limit, once_and_there) == 0) {
        entry.wait = no_handle;
    }
}

inline void begin(loop_entry& entry) {
    switch (entry.kind) {
        case loop_source::writer:
            begin_write(entry);
            break;
        case loop_source::reader:
            begin_read(entry, loop_buffer_size);
            break;
        case loop_source::process:
            begin_wait(entry);
            break;
        case loop_source::none:
        default:
            break;
    }
}

/// Takes from the port what is over, or a wake, and waits for it until a point in time; whether
/// there was any.
inline bool receive(loop_state& loop, time_point deadline) noexcept {
    unsigned long count = 0;
    size_type key = key_of_wake;
    ::_OVERLAPPED* operation = nullptr;
    const int succeeded = GetQueuedCompletionStatus(loop.port.get(), &count, &key, &operation,
                                                    milliseconds_until(deadline));
    const std::error_code error = succeeded == 0 ? last_error() : std::error_code();
    if (succeeded == 0 && operation == nullptr) {
        return false;
    }
    if (key == key_of_wake) {
        loop.woken = true;
        return true;
    }
    loop_entry& entry = loop.entries[key - 1];
    if (entry.stage == loop_stage::busy) {
        entry.error = error;
        entry.count = count;
        entry.stage = loop_stage::done;
    }
    return true;
}

/// Ends what the system does with a pipe. It may have been done before.
inline void settle(loop_state& loop, loop_entry& entry) noexcept {
    if (entry.stage == loop_stage::busy) {
        CancelIoEx(entry.source, reinterpret_cast<::_OVERLAPPED*>(&entry.operation));
    }
    while (entry.stage == loop_stage::busy) {
        receive(loop, (time_point::max)());
    }
}

inline void forget(loop_state& loop, loop_entry& entry) noexcept {
    if (entry.kind != loop_source::process) {
        settle(loop, entry);
    } else if (entry.wait != no_handle) {
        const auto until_told = reinterpret_cast<handle>(std::intptr_t{-1});
        UnregisterWaitEx(std::exchange(entry.wait, no_handle), until_told);
    }
    entry.stage = loop_stage::over;
}

/// What was read; nothing where it was nothing: a program can write no bytes, too.
inline output_loop::completion tell_read(loop_entry& entry) noexcept {
    output_loop::completion result{.from = loop_source::reader, .index = entry.index};
    entry.stage = loop_stage::idle;
    if (entry.error) {
        result.error = entry.error == std::errc::broken_pipe ? std::error_code() : entry.error;
        result.end = true;
        entry.stage = loop_stage::over;
    } else if (entry.count != 0) {
        result.text = {entry.buffer.get(), entry.count};
    } else {
        result.from = loop_source::none;
    }
    return result;
}

/// The end of what was to be written; nothing where there is more.
inline output_loop::completion tell_written(loop_entry& entry) noexcept {
    entry.text.remove_prefix(entry.count);
    if (!entry.error && !entry.text.empty()) {
        entry.stage = loop_stage::idle;
        return {};
    }
    entry.stage = loop_stage::over;
    return {.from = loop_source::writer, .index = entry.index, .end = true, .error = entry.error};
}

/// The end of a process. It is told again, after what else has happened.
inline output_loop::completion tell_ended(loop_entry& entry) noexcept {
    entry.stage = loop_stage::busy;
    if (entry.wait != no_handle) {
        PostQueuedCompletionStatus(entry.port, 0, entry.key, nullptr);
    }
    return {.from = loop_source::process, .index = entry.index};
}

inline output_loop::completion tell(loop_entry& entry) noexcept {
    return entry.kind == loop_source::reader   ? tell_read(entry)
           : entry.kind == loop_source::writer ? tell_written(entry)
                                               : tell_ended(entry);
}

/// Begins what is to be done for the sources, up to the first one with something to tell.
inline output_loop::completion serve(loop_state& loop) {
    output_loop::completion result;
    const std::size_t size = loop.entries.size();
    for (std::size_t i = 0; i != size && result.from == loop_source::none; ++i) {
        loop_entry& entry = loop.entries[loop.at];
        loop.at = (loop.at + 1) % size;
        for (bool again = true; again && result.from == loop_source::none;) {
            if (entry.stage == loop_stage::idle) {
                begin(entry);
            }
            again = entry.stage == loop_stage::done;
            if (again) {
                result = tell(entry);
            }
        }
    }
    return result;
}

/// Whether there are processes that nothing tells of, and has them told of if wanted.
inline bool look_after(loop_state& loop, bool tell) noexcept {
    bool any = false;
    for (loop_entry& each : loop.entries) {
        if (each.kind == loop_source::process && each.wait == no_handle &&
            each.stage == loop_stage::busy) {
            any = true;
            each.stage = tell ? loop_stage::done : each.stage;
        }
    }
    return any;
}

/// The bytes that a pipe holds; none where it has ended.
inline std::optional<std::size_t> bytes_in(handle pipe) noexcept {
    unsigned long count = 0;
    return PeekNamedPipe(pipe, nullptr, 0, nullptr, &count, nullptr) == 0
               ? std::nullopt
               : std::optional<std::size_t>(count);
}

/// Reads from a pipe what it holds.
inline output_loop::completion read_now(loop_state& loop, loop_entry& entry, std::size_t most) {
    begin_read(entry, most);
    while (entry.stage == loop_stage::busy) {
        receive(loop, (time_point::max)());
    }
    return tell_read(entry);
}

}  // namespace sys

inline output_loop::output_loop(std::size_t sources) : state_() {
    state_.entries.reserve(sources);
    const auto no_file = reinterpret_cast<sys::handle>(std::intptr_t{-1});
    state_.port.reset(sys::CreateIoCompletionPort(no_file, nullptr, 0, 1));
    if (!state_.port) {
        state_.error = last_error();
    }
}

inline output_loop::~output_loop() {
    for (sys::loop_entry& each : state_.entries) {
        sys::forget(state_, each);
    }
}

inline void output_loop::allow_wake() noexcept {}

inline void output_loop::wake() noexcept {
    sys::PostQueuedCompletionStatus(state_.port.get(), 0, sys::key_of_wake, nullptr);
}

inline void output_loop::add_writer(native_handle pipe, std::string_view text) noexcept {
    sys::add_pipe(state_, loop_source::writer, pipe, text);
}

inline void output_loop::write_more(std::size_t writer, native_handle,
                                    std::string_view text) noexcept {
    sys::loop_entry& entry = sys::find_entry(state_, loop_source::writer, writer);
    entry.text = text;
    entry.stage = sys::loop_stage::idle;
}

inline void output_loop::add_process(native_handle process) noexcept {
    sys::add_entry(state_, loop_source::process, process);
}

inline void output_loop::add_reader(native_handle pipe) noexcept {
    sys::add_pipe(state_, loop_source::reader, pipe);
}

inline void output_loop::forget(loop_source kind, std::size_t index) noexcept {
    sys::forget(state_, sys::find_entry(state_, kind, index));
}

inline output_loop::completion output_loop::next(time_point deadline) {
    constexpr std::chrono::milliseconds look_again(5);
    if (state_.error) {
        return {.error = state_.error};
    }
    for (;;) {
        if (const completion told = sys::serve(state_); told.from != loop_source::none) {
            return told;
        }
        if (std::exchange(state_.woken, false)) {
            return {};
        }
        if (interruption::requested()) {
            return {.error = make_error(std::errc::interrupted)};
        }
        time_point until = sys::until_asked(deadline);
        if (sys::look_after(state_, false)) {
            until = (std::min)(until, std::chrono::steady_clock::now() + look_again);
        }
        if (!sys::receive(state_, until)) {
            const bool any = sys::look_after(state_, true);
            if (!any && std::chrono::steady_clock::now() >= deadline) {
                return {};
            }
        }
    }
}

inline output_loop::completion output_loop::next_left(std::size_t reader) {
    sys::loop_entry& entry = sys::find_entry(state_, loop_source::reader, reader);
    completion result;
    if (!entry.left) {
        sys::settle(state_, entry);
        const bool cancelled = entry.error == std::errc::operation_canceled;
        if (entry.stage == sys::loop_stage::done && !cancelled) {
            result = sys::tell_read(entry);
        }
        entry.left = result.end ? 0 : sys::bytes_in(entry.source).value_or(0);
    }
    while (*entry.left != 0 && result.from == loop_source::none) {
        result = sys::read_now(state_, entry, *entry.left);
        *entry.left -= result.end ? *entry.left : result.text.size();
    }
    if (result.from == loop_source::none) {  // it has ended, unless another process holds it open
        const auto more = sys::bytes_in(entry.source);
        if (more.value_or(0) != 0) {
            result = sys::read_now(state_, entry, *more);
        }
        result.from = loop_source::reader;
        result.index = reader;
        result.held_open = !result.end && sys::bytes_in(entry.source).has_value();
        result.end = true;
        entry.stage = sys::loop_stage::over;
    }
    return result;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE::detail::os
