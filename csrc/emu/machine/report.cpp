#include "emu/machine/report.h"

#include <cstring>
#include <map>

namespace pydarknet::emu {
namespace {

std::string index_text(uint3 i) {
  return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

bool same(Site a, Site b) { return a.line == b.line && (a.file == b.file || !std::strcmp(a.file, b.file)); }

}  // namespace

std::string describe(const Block& block, const std::string& what, Place place) {
  return std::string(block.launch->name) + ": " + what + ", at " + text(place) + " (block " +
         index_text(block.index) + ", thread " + index_text(block.threads[block.running].index) + ")";
}

std::string describe_stuck(const Block& block) {
  struct Group {
    unsigned count;
    uint3 one;
  };
  std::map<std::string, Group> groups;
  bool barriers = false;
  for (const Thread& t : block.threads) {
    barriers |= t.state == State::kAtBarrier;
    const std::string where = t.state == State::kEnded
                                  ? "have ended"
                                  : std::string("wait in ") + t.waits_in + " at " + text(place_of(t.site));
    ++groups.try_emplace(where, Group{0, t.index}).first->second.count;
  }
  std::string all = barriers ? "divergent barrier" : "deadlock";
  const char* separator = ": ";
  for (const auto& [where, group] : groups) {
    all += separator + std::to_string(group.count) + " threads " + where + " (one is " +
           index_text(group.one) + ")";
    separator = "; ";
  }
  return all;
}

void check_barrier(const Thread& first, const char* name, Site site) {
  if (same(first.site, site)) return;
  fail(std::string("divergent barrier: ") + name + " here, while thread " + index_text(first.index) +
           " is in " + first.waits_in,
       place_of(site), place_of(first.site));
}

}  // namespace pydarknet::emu
