// SPDX-License-Identifier: MIT

#include "console_events_windows.hpp"
#include "follow_waits.hpp"

#include <algorithm>
#include <system_error>

namespace program {

struct follow_waits::state {
    HANDLE told = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
};

follow_waits::follow_waits() : state_(std::make_unique<state>()) {
    if (state_->told == nullptr) {
        throw std::system_error(static_cast<int>(::GetLastError()), std::system_category(),
                                "cannot wait for Ctrl-C");
    }
    take_console_events([told = state_->told](DWORD) { ::SetEvent(told); });
}

follow_waits::~follow_waits() = default;  // an event may come until the very end of this process

bool follow_waits::is_told() const {
    return ::WaitForSingleObject(state_->told, 0) == WAIT_OBJECT_0;
}

void follow_waits::end_if_told() const {
    if (is_told()) {
        ::ExitProcess(static_cast<UINT>(ended_by_console));
    }
}

/// Nothing tells that a pipe is read no more until it is written to.
bool follow_waits::wait(const skyutil::file_follower_set& files, std::chrono::milliseconds interval,
                        bool for_processes) const {
    const HANDLE handles[] = {state_->told, files.native_handle()};
    const bool has_events = handles[1] != nullptr;
    constexpr std::chrono::milliseconds second(1000);
    const auto longest = static_cast<DWORD>(
        (std::max)(std::chrono::milliseconds(1),
                   has_events || for_processes ? (std::min)(interval, second) : interval)
            .count());
    ::WaitForMultipleObjects(has_events ? 2 : 1, handles, FALSE,
                             has_events && !for_processes ? INFINITE : longest);
    return true;
}

}  // namespace program
