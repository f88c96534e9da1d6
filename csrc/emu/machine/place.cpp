#include "emu/machine/place.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

namespace pydarknet::emu {
namespace {

constexpr std::uint32_t kIsSite = 0x80000000u;
std::vector<Site> sites;

int add_segments(dl_phdr_info* info, std::size_t, void* to) {
  std::uintptr_t end = 0;
  bool here = false;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    const std::uintptr_t first = info->dlpi_addr + part.p_vaddr;
    end = std::max<std::uintptr_t>(end, part.p_vaddr + part.p_memsz);
    here |= reinterpret_cast<std::uintptr_t>(&add_segments) - first < part.p_memsz;
  }
  if (here) *static_cast<Image*>(to) = {info->dlpi_addr, end};
  return here;
}

std::string name_only(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// addr2line's lines for one instruction, innermost first. The call lies before the address it returns to.
std::vector<std::string> frames(std::uint32_t offset) {
  Dl_info module{};
  dladdr(reinterpret_cast<const void*>(&add_segments), &module);
  char command[4200];
  std::snprintf(command, sizeof command, "addr2line -i -e '%s' 0x%x 2>/dev/null", module.dli_fname,
                offset - 1);
  std::vector<std::string> found;
  FILE* pipe = popen(command, "r");
  if (!pipe) return found;
  char line[4096];
  while (std::fgets(line, sizeof line, pipe)) {
    const std::string frame(line);
    if (frame[0] != '?') found.push_back(frame.substr(0, frame.find_first_of(" \n")));
  }
  pclose(pipe);
  return found;
}

std::string instruction_text(std::uint32_t offset) {
  std::string inner, outer;
  for (const std::string& frame : frames(offset)) {
    if (frame.find("csrc/emu/") != std::string::npos) continue;
    if (inner.empty()) inner = name_only(frame);
    if (outer.empty() && frame.find(".cu:") != std::string::npos) outer = name_only(frame);
  }
  if (!inner.empty()) return outer.empty() || outer == inner ? inner : inner + " from " + outer;
  Dl_info symbol{};
  dladdr(reinterpret_cast<const void*>(image().begin + offset), &symbol);
  char unnamed[32];
  std::snprintf(unnamed, sizeof unnamed, "+0x%x", offset);
  return std::string(symbol.dli_sname ? symbol.dli_sname : "an unnamed function") + unnamed;
}

}  // namespace

const Image& image() {
  static const Image found = [] {
    Image all{};
    dl_iterate_phdr(&add_segments, &all);
    return all;
  }();
  return found;
}

Place place_of(Site site) {
  const auto same = [&](const Site& known) { return known.file == site.file && known.line == site.line; };
  const auto known = std::find_if(sites.begin(), sites.end(), same);
  const auto number = static_cast<std::uint32_t>(known - sites.begin());
  if (known == sites.end()) sites.push_back(site);
  return {kIsSite | number};
}

std::string text(Place place) {
  if (!(place.code & kIsSite)) return instruction_text(place.code);
  const Site site = sites[place.code & ~kIsSite];
  return name_only(site.file) + ":" + std::to_string(site.line);
}

}  // namespace pydarknet::emu
