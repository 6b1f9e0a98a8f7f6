// SPDX-License-Identifier: MIT
//
// modules/skyutil.cppm: core as a module.
//
//     import skyutil;
//     int main() { return skyutil::get_cpu_count() >= 1 ? 0 : 1; }
//
// It has no macros: the version is skyutil::version.

module;

#include <skyutil/files.hpp>
#include <skyutil/follow.hpp>
#include <skyutil/parallel.hpp>
#include <skyutil/ports.hpp>
#include <skyutil/process.hpp>
#include <skyutil/stop_token.hpp>
#include <skyutil/strings.hpp>
#include <skyutil/subprocess.hpp>
#include <skyutil/system.hpp>
#include <skyutil/version.hpp>
#include <skyutil/workers.hpp>

export module skyutil;

// In the namespace that declares them: elsewhere g++ exports functions only.
export namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE {

using skyutil::backoff_options;
using skyutil::base36_decode;
using skyutil::base36_encode;
using skyutil::base36_to_chars;
using skyutil::base_environment;
using skyutil::child_attributes;
using skyutil::child_group;
using skyutil::child_identity;
using skyutil::child_limit;
using skyutil::child_options;
using skyutil::child_process;
using skyutil::child_processes;
using skyutil::command;
using skyutil::command_error;
using skyutil::command_input;
using skyutil::completed_process;
using skyutil::count_directory_entries;
using skyutil::cpu_budget;
using skyutil::cpu_throttling;
using skyutil::describe_resources;
using skyutil::description_form;
using skyutil::detached_options;
using skyutil::end_step;
using skyutil::environment_changes;
using skyutil::estimate_fd_for_directory;
using skyutil::exit_status;
using skyutil::fd_limits;
using skyutil::file_follower;
using skyutil::file_follower_set;
using skyutil::file_tail;
using skyutil::find_free_port;
using skyutil::follow_event;
using skyutil::follow_file;
using skyutil::follow_kind;
using skyutil::follow_options;
using skyutil::follow_position;
using skyutil::follow_start;
using skyutil::follow_wake;
using skyutil::format_compact;
using skyutil::format_float;
using skyutil::from_file;
using skyutil::get_cpu_budget;
using skyutil::get_cpu_count;
using skyutil::get_fd_limits;
using skyutil::get_max_workers_for_file_mounts;
using skyutil::get_mem_size_gb;
using skyutil::get_memory_budget;
using skyutil::get_parallel_threads;
using skyutil::get_pressure;
using skyutil::input_function;
using skyutil::invalid_utf8;
using skyutil::is_port_available;
using skyutil::is_process_alive;
using skyutil::kill_children_processes;
using skyutil::kill_process_tree;
using skyutil::kill_report;
using skyutil::kill_tree_options;
using skyutil::kinship;
using skyutil::limit_kind;
using skyutil::limit_source;
using skyutil::line_consumer;
using skyutil::line_end;
using skyutil::line_function;
using skyutil::mapped_file;
using skyutil::memory_budget;
using skyutil::mount_sources;
using skyutil::nostopstate;
using skyutil::nostopstate_t;
using skyutil::open_fd_count;
using skyutil::orphan_scope;
using skyutil::output_function;
using skyutil::output_overflow;
using skyutil::output_stream;
using skyutil::parallel_function;
using skyutil::parallel_options;
using skyutil::parallel_range;
using skyutil::passed_handle;
using skyutil::pid_exists;
using skyutil::pipeline;
using skyutil::port_address;
using skyutil::port_family;
using skyutil::port_hold;
using skyutil::port_options;
using skyutil::port_protocol;
using skyutil::pressure;
using skyutil::pressure_averages;
using skyutil::process_handle;
using skyutil::process_info;
using skyutil::process_tree;
using skyutil::raise_fd_limit;
using skyutil::read_last_n_lines;
using skyutil::reap_orphans;
using skyutil::reaped_orphan;
using skyutil::reserve_ports;
using skyutil::reserved_port;
using skyutil::resource_monitor;
using skyutil::resource_pressure;
using skyutil::resource_sample;
using skyutil::resource_usage;
using skyutil::retry_options;
using skyutil::rounding;
using skyutil::run;
using skyutil::run_detached;
using skyutil::run_in_parallel;
using skyutil::run_options;
using skyutil::run_with_retries;
using skyutil::shell;
using skyutil::slow_start;
using skyutil::slow_start_options;
using skyutil::start_error;
using skyutil::start_step;
using skyutil::stdio_mode;
using skyutil::stdio_target;
using skyutil::stop_callback;
using skyutil::stop_source;
using skyutil::stop_token;
using skyutil::sysroot;
using skyutil::tail_options;
using skyutil::temporary_directory;
using skyutil::temporary_file;
using skyutil::terminate_process;
using skyutil::to_file;
using skyutil::to_file_options;
using skyutil::to_handle;
using skyutil::to_string;
using skyutil::truncate_long_string;
using skyutil::truncate_mode;
using skyutil::truncate_options;
using skyutil::unique_fd;
using skyutil::version;
using skyutil::wait_all;
using skyutil::wait_any;
using skyutil::write_file_atomic;
using skyutil::write_method;
using skyutil::write_options;

}  // namespace skyutil::inline SKYUTIL_VERSION_NAMESPACE
