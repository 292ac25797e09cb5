#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/coadd/ledger.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/config/run_limits.hpp"
#include "tilecompile/protocol/broker_alarm.hpp"
#include "tilecompile/protocol/topology.hpp"
#include "tilecompile/storage/memory_store.hpp"
#include "tilecompile/worker/execute_task.hpp"
#include "verifier.hpp"

namespace tilecompile {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
constexpr auto kProbeAgainAfter = 2s;
constexpr int kConnectTimeoutMs = 2000;
constexpr const char* kDefaultPort = "22";

Clock::time_point deadline_in(double seconds) {
  return Clock::now() + std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// A host that refuses the connection is there; one that is silent is not.
std::string connect_briefly(const addrinfo& to) {
  const int fd = socket(to.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return std::strerror(errno);
  int error = connect(fd, to.ai_addr, to.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    pollfd ready{fd, POLLOUT, 0};
    socklen_t size = sizeof error;
    if (poll(&ready, 1, kConnectTimeoutMs) == 0)
      error = ETIMEDOUT;
    else
      getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  close(fd);
  return error == 0 || error == ECONNREFUSED ? "" : std::strerror(error);
}

// "host" or "host:port".
std::string reach(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  const bool has_port = colon != std::string::npos && address.find(':') == colon;
  const std::string host = has_port ? address.substr(0, colon) : address;
  const std::string port = has_port ? address.substr(colon + 1) : kDefaultPort;
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  const int status = getaddrinfo(host.c_str(), port.c_str(), &hints, &found);
  if (status != 0) throw TransientError("the name " + host + " is not known: " + gai_strerror(status));
  const std::string trouble = connect_briefly(*found);
  freeaddrinfo(found);
  if (!trouble.empty()) throw TransientError(address + " does not answer: " + trouble);
  return address + " answers";
}

}  // namespace

void Verifier::check_hosts() {
  for (const ExpectedWorker& worker : config_.workers) {
    if (worker.address.empty()) continue;
    check("host of " + worker.id,
          "start the host and its overlay network, or correct its address in 'workers'",
          [&] { return reach(worker.address); });
  }
}

void Verifier::send_probes(std::uint64_t count) {
  ProbeTask probe;
  probe.run_id = small_ ? small_->task.run_id : answer_queue_.substr(std::strlen(kResultsQueue) + 1);
  probe.numerics_version = kNumericsVersion;
  if (few_) {
    probe.frame_path = few_->frames.front().path;
    probe.frame_sha256 = few_->frames.front().sha256;
  }
  const std::string bytes = "probe of the master\n";
  probe.object_ref = probe.run_id + "/probe/master";
  probe.object_checksum = sha256_hex(bytes);
  if (written_.insert(probe.object_ref).second) store_->put(probe.object_ref, bytes);
  for (std::uint64_t i = 0; i < count; ++i) {
    Message message;
    probe.correlation_id = message.correlation_id = new_uuid();
    message.body = encode_probe(probe);
    message.reply_to = answer_queue_;
    await_confirm(*transport_, transport_->publish(kTaskExchange, kComputeQueue, std::move(message)));
  }
}

void Verifier::take_answer(const Delivery& delivery) {
  try {
    ProbeAnswer answer = decode_probe_answer(delivery.message.body);
    if (!answer.written_ref.empty()) written_.insert(answer.written_ref);
    const double ahead_s = answer.unix_s > 0 ? answer.unix_s - unix_now() : 0;
    const auto who = std::pair(answer.worker.worker_id, answer.worker.instance);
    answers_[who] = {std::move(answer), delivery.user, ahead_s};
  } catch (const InputError& e) {
    log_warning(std::string("an answer to a probe is ignored: ") + e.what());
  }
  transport_->ack(delivery.tag);
}

// The broker hands tasks to its consumers in turn, so as many probes as consumers reach each of them, unless
// one is busy: then some get two, and the next round fills the gap.
void Verifier::probe_workers() {
  const auto deadline = deadline_in(wait_s_);
  Clock::time_point next{};
  check("workers answer", "look at the logs of the workers; busy ones need a longer --wait", [&] {
    while (answers_.size() < consumers_ && Clock::now() < deadline) {
      if (request_.stop_signal != nullptr && *request_.stop_signal != 0)
        throw TransientError("stopped by a signal");
      if (Clock::now() >= next) {
        send_probes(consumers_);
        next = Clock::now() + kProbeAgainAfter;
      }
      if (const auto delivery = transport_->receive(200ms)) take_answer(*delivery);
    }
    const std::string text =
        std::to_string(answers_.size()) + " of " + std::to_string(consumers_) + " consumers";
    if (answers_.size() < consumers_) throw TransientError(text + " answered a probe in time");
    return text;
  });
}

void Verifier::judge_answers() {
  for (const auto& [who, given] : answers_) {
    const std::string& id = who.first;
    const ProbeAnswer& answer = given.probe;
    report_.workers.push_back(answer.worker);
    check("worker " + id, "give it more threads, or correct its capacity in 'workers'",
          [&, &a = answer] { return judge_facts(a.worker); });
    const std::string prefix = "worker " + id + ": ";
    if (config_.broker.roles != BrokerRoles::kNone)
      check(prefix + "user", "give that worker the login of its user and the same broker.roles",
            [&, &user = given.user] {
              if (const std::string why = wrong_user(config_.broker.roles, id, user); !why.empty())
                throw UsageError("its results do not count: " + why);
              return "answers as " + user;
            });
    for (const ProbeCheck& found : answer.checks)
      check(prefix + found.name, "correct the configuration of that worker, see the text", [&found = found] {
        if (!found.ok) throw InputError(found.text);
        return found.text;
      });
    // Two of one name write over one another.
    if (answer.written_ref.empty() || one_of_several(id)) continue;
    check(prefix + "same storage", "storage.root of master and worker must be the same folder",
          [&, &a = answer] {
            if (sha256_hex(store_->get(a.written_ref)) != a.written_checksum)
              throw InputError("what it wrote to " + a.written_ref + " reads differently here");
            return "what it wrote is read here";
          });
  }
}

// What a worker says of itself; an expected one may offer too little.
std::string Verifier::judge_facts(const WorkerFacts& facts) const {
  for (const ExpectedWorker& expected : config_.workers)
    if (expected.id == facts.worker_id && facts.slots < expected.capacity)
      throw UsageError("it offers " + std::to_string(facts.slots) + " slots, " +
                       std::to_string(expected.capacity) + " are expected");
  return "takes tasks and answers; host " + facts.host + ", " + std::to_string(facts.slots) +
         " slots, version " + facts.program_version + ", numerics " + facts.numerics_version + ", " +
         facts.cpu_text();
}

void Verifier::check_missing() {
  if (!transport_) return;
  for (const ExpectedWorker& expected : config_.workers)
    if (!has_answered(expected.id))
      check("worker " + expected.id, "start it with that worker_id, or take it out of 'workers'",
            []() -> std::string { throw TransientError("it is expected and does not answer"); });
}

std::vector<ResultMessage> Verifier::results_of_one_task_sent_twice() {
  const auto send = [&] {
    Message message;
    message.body = encode_task(small_->task);
    message.correlation_id = small_->task.correlation_id;
    message.message_id = small_->task.run_id + ":0";
    message.reply_to = answer_queue_;
    await_confirm(*transport_, transport_->publish(kTaskExchange, kComputeQueue, std::move(message)));
  };
  send();
  send();
  std::vector<ResultMessage> results;
  const auto deadline = deadline_in(wait_s_);
  while (results.size() < 2 && Clock::now() < deadline) {
    if (request_.stop_signal != nullptr && *request_.stop_signal != 0)
      throw TransientError("stopped by a signal");
    const auto delivery = transport_->receive(200ms);
    if (!delivery) continue;
    if (delivery->message.correlation_id == small_->task.correlation_id) {
      ResultMessage result = decode_result(delivery->message.body);
      if (result.hand_back)
        send();  // as a master would: the worker stops, or what failed may pass
      else
        results.push_back(std::move(result));
    }
    transport_->ack(delivery->tag);
  }
  return results;
}

void Verifier::check_tile() {
  if (!small_ || answers_.empty()) return;
  std::vector<ResultMessage> results;
  check("duplicates", "two workers compute differently: compare their versions and processors", [&] {
    results = results_of_one_task_sent_twice();
    if (results.size() < 2)
      throw TransientError("a task sent twice gave " + std::to_string(results.size()) + " results in time");
    TileLedger ledger(small_->task.run_id, 1);
    for (const ResultMessage& result : results)
      if (result.failure) throw InputError("on worker " + result.worker_id + ": " + result.failure->text);
    ledger.offer(results[0]);
    if (ledger.offer(results[1]) != TileLedger::Verdict::kDuplicate || ledger.done() != 1)
      throw InputError("workers " + results[0].worker_id + " and " + results[1].worker_id +
                       " computed different tiles from one task");
    return "a task sent twice counts once (" + results[0].worker_id + ", " + results[1].worker_id + ")";
  });
  check("end to end", "see the checks above", [&] {
    if (results.empty() || results[0].failure) throw TransientError("there is no tile to compare");
    if (sha256_hex(store_->get(results[0].data_ref)) != results[0].data_checksum)
      throw InputError("the tile in the storage is not the one the worker announced");
    const auto memory = open_memory_store();
    RunContexts runs(*store_, frames_, memory_limit_bytes(config_.parallel), 1, verified_);
    ResultMessage here;
    execute_task(encode_task(small_->task), runs, *memory, {"here", 1},
                 [&](const ResultMessage& result) { here = result; });
    if (here.failure) throw InputError("computed here it fails: " + here.failure->text);
    if (here.data_checksum != results[0].data_checksum)
      throw InputError("the tile of worker " + results[0].worker_id + " differs from the one computed here");
    return "a tile of worker " + results[0].worker_id + " is equal to the bit to the one computed here";
  });
}

}  // namespace tilecompile
