#pragma once
#include <string>
#include <vector>

namespace tilecompile {

extern const char* const kSampleRunId;

// Small valid inputs of every reader, made by the program's own writers; no real frame is among them.
std::vector<std::string> sample_configs();
std::vector<std::string> sample_tasks();
std::vector<std::string> sample_results();
std::vector<std::string> sample_manifests();
std::vector<std::string> sample_registrations();
std::vector<std::string> sample_metrics();
std::vector<std::string> sample_clusters();
std::vector<std::string> sample_journals();
std::vector<std::string> sample_tiles();
/// Integer, float and colour frames, and one each gzipped and tile-compressed.
std::vector<std::string> sample_frames();

}  // namespace tilecompile
