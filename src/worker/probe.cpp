#include "tilecompile/worker/probe.hpp"

#include <unistd.h>

#include <functional>

#include "tilecompile/base/clock.hpp"
#include "tilecompile/base/error.hpp"
#include "tilecompile/base/log.hpp"
#include "tilecompile/base/sha256.hpp"
#include "tilecompile/base/uuid.hpp"
#include "tilecompile/base/version.hpp"
#include "tilecompile/config/load_config.hpp"
#include "tilecompile/night/frame_source.hpp"
#include "tilecompile/protocol/forwarding_transport.hpp"
#include "tilecompile/protocol/topology.hpp"

namespace tilecompile {
namespace {

std::vector<std::string> supported_features() {
  std::vector<std::string> found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("sse4.2")) found.emplace_back("sse4.2");
  if (__builtin_cpu_supports("avx2")) found.emplace_back("avx2");
  if (__builtin_cpu_supports("fma")) found.emplace_back("fma");
  if (__builtin_cpu_supports("avx512f")) found.emplace_back("avx512f");
#elif defined(__aarch64__)
  found.emplace_back("neon");
#endif
  return found;
}

// A failed try is an answer, not an error of this worker.
ProbeCheck attempt(const std::string& name, const std::function<std::string()>& action) {
  try {
    return {name, true, action()};
  } catch (const std::exception& e) {
    return {name, false, e.what()};
  }
}

std::string look_at_frame(const ProbeTask& probe, const FrameOrigin& frames) {
  if (probe.frame_path.empty()) return "no frame was named";
  check_object_key(probe.frame_path);
  VerifiedFiles none_yet;
  const std::string& place = frames.place_of(probe.frame_path, probe.frame_sha256);
  if (fetch_new_frame(frames, place, none_yet).second != probe.frame_sha256)
    throw InputError(frames.name_of(place) +
                     " holds other bytes than the master's: copy the frames again, or correct input.dir of "
                     "this worker");
  return frames.name_of(place);
}

std::string use_storage(const ProbeTask& probe, ObjectStore& store, ProbeAnswer& answer) {
  if (sha256_hex(store.get(probe.object_ref)) != probe.object_checksum)
    throw InputError("object " + probe.object_ref + " in " + store.describe() +
                     " is another one than the master's: storage.root leads to another place");
  const std::string bytes = "probe of " + answer.worker.worker_id + " " + probe.correlation_id + "\n";
  const std::string key = probe.run_id + "/probe/" + answer.worker.worker_id;
  store.put(key, bytes);
  answer.written_ref = key;
  answer.written_checksum = sha256_hex(bytes);
  return store.describe();
}

std::string compare_numerics(const ProbeTask& probe, const WorkerFacts& worker) {
  if (probe.numerics_version == worker.numerics_version) return "numerics version " + worker.numerics_version;
  throw InputError("this worker computes with numerics version " + worker.numerics_version +
                   ", the master with " + probe.numerics_version +
                   ": run the same version of the program on both");
}

class ProbedTransport : public ForwardingTransport {
 public:
  ProbedTransport(std::unique_ptr<Transport> inner, WorkerFacts worker, FrameOrigin frames,
                  ObjectStore& store)
      : ForwardingTransport(std::move(inner)),
        worker_(std::move(worker)),
        frames_(std::move(frames)),
        store_(store) {}

 protected:
  bool intercept(const Delivery& delivery) override {
    if (delivery.queue != kComputeQueue || !is_probe(delivery.message.body)) return false;
    try {
      const ProbeAnswer answer = answer_probe(decode_probe(delivery.message.body), worker_, frames_, store_);
      Message message;
      message.body = encode_probe_answer(answer);
      message.correlation_id = answer.correlation_id;
      inner_->publish(kResultExchange, delivery.message.reply_to, std::move(message)).get();
    } catch (const UnroutableError&) {
      log_debug("nobody waits for the answer to this probe any more");
    } catch (const InputError& e) {
      log_warning(std::string("a probe that cannot be read is dropped: ") + e.what());
    }
    inner_->ack(delivery.tag);
    return true;
  }

 private:
  WorkerFacts worker_;
  FrameOrigin frames_;
  ObjectStore& store_;
};

}  // namespace

WorkerFacts worker_facts(const std::string& worker_id, int slots) {
  char host[256] = "";
  gethostname(host, sizeof host - 1);
  return {worker_id, host, kProgramVersion, kNumericsVersion, supported_features(), slots, new_uuid()};
}

ProbeAnswer answer_probe(const ProbeTask& probe, const WorkerFacts& worker, const FrameOrigin& frames,
                         ObjectStore& store) {
  ProbeAnswer answer;
  answer.correlation_id = probe.correlation_id;
  answer.run_id = probe.run_id;
  answer.worker = worker;
  answer.checks.push_back(attempt("frames", [&] { return look_at_frame(probe, frames); }));
  answer.checks.push_back(attempt("storage", [&] { return use_storage(probe, store, answer); }));
  answer.unix_s = unix_now();
  answer.checks.push_back(attempt("numerics", [&] { return compare_numerics(probe, worker); }));
  return answer;
}

std::unique_ptr<Transport> answer_probes(std::unique_ptr<Transport> inner, WorkerFacts worker,
                                         FrameOrigin frames, ObjectStore& store) {
  return std::make_unique<ProbedTransport>(std::move(inner), std::move(worker), std::move(frames), store);
}

}  // namespace tilecompile
