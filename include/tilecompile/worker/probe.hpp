#pragma once
#include <memory>
#include <string>

#include "tilecompile/broker/transport.hpp"
#include "tilecompile/night/frame_origin.hpp"
#include "tilecompile/protocol/probe_messages.hpp"
#include "tilecompile/storage/object_store.hpp"

namespace tilecompile {

/// Of this process: host, versions and processor.
WorkerFacts worker_facts(const std::string& worker_id, int slots);

/// Tries what the probe asks for. Never throws for what it finds: that is the answer.
ProbeAnswer answer_probe(const ProbeTask& probe, const WorkerFacts& worker, const FrameOrigin& frames,
                         ObjectStore& store);

/// A worker's transport that answers the probes among its tasks by itself; all other deliveries pass.
std::unique_ptr<Transport> answer_probes(std::unique_ptr<Transport> inner, WorkerFacts worker,
                                         FrameOrigin frames, ObjectStore& store);

}  // namespace tilecompile
