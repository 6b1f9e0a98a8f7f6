// SPDX-License-Identifier: MIT
//
// detail/hash/file_queue.hpp: many files read by several threads; what hash_files is made of, and
// its options and results, which are public through hash.hpp.

#pragma once

#include <skyutil/detail/base/cast.hpp>
#include <skyutil/detail/files/input.hpp>
#include <skyutil/detail/hash/digest.hpp>
#include <skyutil/detail/system/cpu_count.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <span>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

/// One file of hash_files.
struct file_digest {
    std::filesystem::path path;
    skyutil::digest digest;  ///< empty when there is an error
    std::error_code error;   ///< operation_canceled for a file that a stop came before
};

struct hash_file_options {
    /// Ends the reading with errc::operation_canceled within a block of 256 KiB, or within 20
    /// milliseconds of a wait for another process: the writer of a FIFO, the holder of a lease.
    std::stop_token stop = {};
};

struct hash_files_options {
    /// How many files are read at once, by as many threads that end before the call does; with 1 by
    /// the calling one. 0 or less: get_cpu_count(). Never more than there are files; fewer when the
    /// system gives no more threads or memory.
    int threads = 0;

    /// Is told how many bytes have been read and how many files are done, failed ones too: now and
    /// then, at most 20 times a second, and once more at the end. Always called by the thread that
    /// called hash_files; the others go on meanwhile. When it throws, the work stops and hash_files
    /// throws that exception.
    std::function<void(std::uint64_t bytes_done, std::size_t files_done)> progress = {};

    /// Stops the work within a block of each file, also while waiting for the writer of a FIFO.
    std::stop_token stop = {};
};

namespace detail {

inline constexpr std::size_t file_block_size = std::size_t{256} * 1024;

/// Feeds what is left of an input to `update`, block by block; until an error, which is not the
/// end.
template <class Input, class Update>
void read_blocks(Input& input, std::span<char> block, std::error_code& error, const Update& update,
                 const std::stop_token& stop = {}) {
    for (;;) {
        const std::size_t count = input.read(block, error, stop);
        if (error || count == 0) {
            return;
        }
        update(std::as_bytes(block.first(count)));
    }
}

/// Feeds a file to `update`, in blocks of 256 KiB or, where it is known to be smaller, at once.
template <class Update>
void read_file_blocks(const std::filesystem::path& path, const std::stop_token& stop,
                      std::error_code& error, const Update& update) {
    constexpr std::size_t smallest_block = std::size_t{16} * 1024;
    error.clear();
    input_file file(path, error, fifo_patience, stop);
    if (error) {
        return;
    }
    std::size_t size = file_block_size;
    if (file.has_size() && file.size() < file_block_size) {
        size = (std::max)(cast_to<std::size_t>(file.size()) + 1, smallest_block);
    }
    const auto block = std::make_unique_for_overwrite<char[]>(size);
    read_blocks(file, {block.get(), size}, error, update, stop);
}

/// The indices of files in the order to start them: the largest first, so that none is left for the
/// end while other threads are idle. As they come where asking for all sizes could take a
/// noticeable part of the time: where a sample of the files says that they are small.
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

/// Fills in the digests of files. One object, one call of run().
class file_queue {
public:
    file_queue(std::vector<file_digest>& files, const hash_files_options& options)
        : files_(files),
          options_(options),
          forward_(options.stop, stop_request{stop_}),
          stop_token_(stop_.get_token()) {}

    /// `new_hash` makes an object with update(bytes) and finish() for each file. It is called by
    /// several threads at once; the first exception of one stops the others and is thrown on.
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
        std::stop_source& source;
        void operator()() const noexcept { source.request_stop(); }
    };

    /// The calling thread sleeps while others work. A kernel that sees it busy can leave the first
    /// thread that it starts waiting for the same processor, for milliseconds, beside one that is
    /// idle.
    template <class NewHash>
    void hash_with(std::size_t threads, const NewHash& new_hash) {
        std::vector<std::jthread> others;
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

    /// False when the system gives no more threads or memory: those there are do the work.
    template <class NewHash>
    bool start_one(std::vector<std::jthread>& others, const NewHash& new_hash) noexcept {
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

    /// Hashes files for as long as there are any.
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

    /// The first exception ends the work of all threads and is kept.
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

    /// For the calling thread only.
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
    std::size_t ended_ = 0;       // other threads
    std::exception_ptr failure_;  // the first

    std::stop_source stop_;  // asked to stop by the caller's, or by a failure
    std::stop_callback<stop_request> forward_;
    std::stop_token stop_token_;
};

}  // namespace detail

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
