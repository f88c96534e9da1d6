#include "emu/report.h"

#include <cstring>
#include <map>

namespace pydarknet::emu {
namespace {

std::string index_text(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

bool same(Site a, Site b) { return a.line == b.line && std::strcmp(a.file, b.file) == 0; }

}  // namespace

std::string place_text(Site site) {
  const char* slash = std::strrchr(site.file, '/');
  return std::string(slash ? slash + 1 : site.file) + ":" + std::to_string(site.line);
}

std::string thread_text(const Block& block, unsigned thread) {
  return "thread " + index_text(block.threads[thread].index);
}

std::string describe(const Block& block, const std::string& what, const std::string& place) {
  return std::string(block.launch->name) + ": " + what + ", at " + place + " (block " +
         index_text(block.index) + ", " + thread_text(block, block.running) + ")";
}

std::string describe_stuck(const Block& block) {
  // Where threads wait -> how many, and the first of them.
  std::map<std::string, std::pair<unsigned, unsigned>> waits;
  bool barriers = false;
  for (unsigned i = 0; i < block.size; ++i) {
    const Thread& t = block.threads[i];
    barriers |= t.state == State::kAtBarrier;
    const std::string key = t.state == State::kEnded
                                ? "have ended"
                                : std::string("wait in ") + t.waits_in + " at " + place_text(t.site);
    ++waits.try_emplace(key, 0u, i).first->second.first;
  }
  std::string text = barriers ? "divergent barrier" : "deadlock";
  const char* separator = ": ";
  for (const auto& [key, value] : waits) {
    text += separator + std::to_string(value.first) + " threads " + key + " (" +
            thread_text(block, value.second) + " is one)";
    separator = "; ";
  }
  return text;
}

void check_barrier(const Block& block, const char* name, Site site) {
  for (unsigned i = 0; i < block.size; ++i) {
    const Thread& t = block.threads[i];
    if (i == block.running || same(t.site, site)) continue;
    fail(std::string("divergent barrier: ") + name + " here, while " + thread_text(block, i) + " is at " +
             t.waits_in + " at " + place_text(t.site),
         site);
  }
}

}  // namespace pydarknet::emu
