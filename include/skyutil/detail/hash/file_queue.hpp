// SPDX-License-Identifier: MIT
//
// detail/hash/file_queue.hpp: many files hashed by several threads. Included at the end of
// skyutil/hash.hpp.

#pragma once

#include <skyutil/detail/base/joining_thread.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/detail/hash/hash_file.hpp>
#include <skyutil/detail/hash/read_blocks.hpp>
#include <skyutil/detail/os/base.hpp>
#include <skyutil/detail/system/cpu_count.hpp>
#include <skyutil/stop_token.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <numeric>
#include <ranges>
#include <span>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

namespace detail {

/// Returns the indices of files in the order in which to start them: the largest first, so that a
/// large one is not left for the end while other threads are idle.
///
/// The order stays as it is where asking for all sizes could take a noticeable part of the time:
/// where the files are small, judging by a sample of them.
inline std::vector<std::size_t> starting_order(std::span<const file_digest> files,
                                               std::size_t threads) {
    constexpr std::size_t sample = 32;
    constexpr std::uint64_t worth_asking = 64 * 1024;  // bytes a file and thread
    std::vector<std::size_t> order(files.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (threads <= 1 || files.size() <= threads) {
        return order;
    }
    const auto size_of = [&](std::size_t i) -> std::uint64_t {
        std::error_code error;
        const std::uintmax_t size = std::filesystem::file_size(files[i].path, error);
        return error ? 0 : size;
    };
    if (files.size() > sample) {
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < sample; ++i) {
            sum += (std::min)(size_of(i * files.size() / sample), std::uint64_t{1} << 40);
        }
        if (sum / sample < worth_asking * threads) {
            return order;
        }
    }
    std::vector<std::uint64_t> sizes(files.size());
    std::transform(order.begin(), order.end(), sizes.begin(), size_of);
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return sizes[a] > sizes[b]; });
    return order;
}

/// Fills in the digests of files. run() is called once for each object.
class file_queue {
public:
    file_queue(std::vector<file_digest>& files, const hash_files_options& options)
        : files_(files),
          options_(options),
          forward_(options.stop, stop_request{stop_}),
          stop_token_(stop_.get_token()) {}

    /// `new_hash` makes an object with update(bytes) and finish() for each file. Several threads
    /// call it at once. The first exception in any of them stops the others and is thrown.
    template <class NewHash>
    void run(const NewHash& new_hash) {
        if (!files_.empty()) {
            const std::size_t threads = (std::min)(
                files_.size(), static_cast<std::size_t>((std::max)(
                                   options_.threads > 0 ? options_.threads : cpu_count(), 1)));
            order_ = starting_order(files_, threads);
            hash_with(threads, new_hash);
        }
        if (failure_) {
            std::rethrow_exception(failure_);
        }
        if (options_.progress) {
            options_.progress(bytes_done_, files_done_);
        }
    }

private:
    static constexpr std::chrono::milliseconds report_interval{50};
    using clock = std::chrono::steady_clock;
    using buffer = std::unique_ptr<char[]>;

    struct stop_request {
        stop_source& source;
        void operator()() const noexcept { source.request_stop(); }
    };

    /// The calling thread sleeps while the others work. If it were busy, the kernel could leave the
    /// first thread that it starts waiting for the same processor for milliseconds, while another
    /// one is idle.
    template <class NewHash>
    void hash_with(std::size_t threads, const NewHash& new_hash) {
        std::vector<joining_thread> others;
        others.reserve(threads);
        while (threads > 1 && others.size() != threads && start_one(others, new_hash)) {
        }
        if (others.size() < (std::min)(threads, std::size_t{2})) {
            const buffer own = std::make_unique_for_overwrite<char[]>(file_block_size);
            guard([&] { work(own, new_hash, [&] { report(); }); });
        }
        if (options_.progress) {
            guard([&] { report_until_ended(others.size()); });
        }
    }

    /// Returns false when the system gives no more threads or memory: those that run do the work.
    template <class NewHash>
    bool start_one(std::vector<joining_thread>& others, const NewHash& new_hash) noexcept {
        try {
            buffer own = std::make_unique_for_overwrite<char[]>(file_block_size);
            others.emplace_back([this, &new_hash, block = std::move(own)] {
                guard([&] { work(block, new_hash, [] {}); });
                const std::scoped_lock lock(mutex_);
                ++ended_;
                change_.notify_one();
            });
            return true;
        } catch (...) {
            return false;
        }
    }

    /// Hashes files as long as there are any left.
    template <class NewHash, class Report>
    void work(const buffer& block, const NewHash& new_hash, const Report& report) {
        for (std::size_t next; (next = next_++) < files_.size();) {
            file_digest& file = files_[order_[next]];
            if (stop_token_.stop_requested()) {
                file.error = os::make_error(std::errc::operation_canceled);
                continue;
            }
            input_file input(file.path, file.error, fifo_patience, stop_token_);
            if (!file.error) {
                auto hash = new_hash();
                read_blocks(
                    input, {block.get(), file_block_size}, file.error,
                    [&](std::span<const std::byte> bytes) {
                        hash.update(bytes);
                        bytes_done_ += bytes.size();
                        report();
                    },
                    stop_token_);
                if (!file.error) {
                    file.digest = hash.finish();
                }
            }
            if (file.error != std::errc::operation_canceled) {
                ++files_done_;
            }
            report();
        }
    }

    /// Keeps the first exception, which ends the work of all threads.
    template <class Call>
    void guard(const Call& call) noexcept {
        try {
            call();
        } catch (...) {
            const std::scoped_lock lock(mutex_);
            if (!failure_) {
                failure_ = std::current_exception();
            }
            stop_.request_stop();
        }
    }

    /// Reports the progress, now and then. For the calling thread only.
    void report() {
        if (!options_.progress || clock::now() < next_report_) {
            return;
        }
        if (const std::scoped_lock lock(mutex_); failure_) {
            return;
        }
        options_.progress(bytes_done_, files_done_);
        next_report_ = clock::now() + report_interval;
    }

    void report_until_ended(std::size_t others) {
        std::unique_lock lock(mutex_);
        while (!change_.wait_for(lock, report_interval, [&] { return ended_ == others; })) {
            lock.unlock();
            report();
            lock.lock();
        }
    }

    std::vector<file_digest>& files_;
    const hash_files_options& options_;
    std::vector<std::size_t> order_;
    std::atomic<std::size_t> next_ = 0;
    std::atomic<std::uint64_t> bytes_done_ = 0;
    std::atomic<std::size_t> files_done_ = 0;
    clock::time_point next_report_ = clock::now() + report_interval;

    std::mutex mutex_;
    std::condition_variable change_;
    std::size_t ended_ = 0;       // how many of the other threads
    std::exception_ptr failure_;  // the first

    stop_source stop_;  // told to stop by the caller's stop token, or by a failure
    stop_callback<stop_request> forward_;
    stop_token stop_token_;
};

template <path_range R>
std::vector<file_digest> make_file_digests(R&& paths) {
    std::vector<file_digest> files;
    if constexpr (std::ranges::sized_range<R>) {
        files.reserve(static_cast<std::size_t>(std::ranges::size(paths)));
    }
    for (auto&& path : paths) {
        files.push_back({std::forward<decltype(path)>(path), {}, {}});
    }
    return files;
}

inline std::vector<file_digest> hash_files(std::vector<file_digest> files, hash_algorithm algorithm,
                                           const hash_files_options& options) {
    const incremental_hash fresh(algorithm);
    file_queue(files, options).run([&] { return incremental_hash(fresh); });
    return files;
}

}  // namespace detail

template <path_range R>
std::vector<file_digest> hash_files(R&& paths, hash_algorithm algorithm,
                                    const hash_files_options& options) {
    return detail::hash_files(detail::make_file_digests(std::forward<R>(paths)), algorithm,
                              options);
}

inline std::vector<file_digest> hash_files(std::initializer_list<std::filesystem::path> paths,
                                           hash_algorithm algorithm,
                                           const hash_files_options& options) {
    return detail::hash_files(detail::make_file_digests(paths), algorithm, options);
}

template <hasher H, path_range R>
std::vector<file_digest> hash_files(R&& paths, const hash_files_options& options) {
    std::vector<file_digest> files = detail::make_file_digests(std::forward<R>(paths));
    detail::file_queue(files, options).run([] { return detail::hasher_set<H>(); });
    return files;
}

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
