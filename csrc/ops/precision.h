// How many bits of its factors a convolution multiplies. Sums are always float32.
#pragma once
#include <string>
#include <vector>

namespace pydarknet {

enum class Precision { kFp32, kTf32, kFp16, kBf16 };

// Of "fp32", "tf32", "fp16" or "bf16". Throws std::invalid_argument for others, and for one that no algorithm
// of this build has.
Precision parse_precision(const std::string& name);
const char* precision_name(Precision precision);

// Those that algorithms of this build have, in the order above.
std::vector<Precision> precisions();

// What multiplies BF16 in pairs, and bytes, on the CPU from now on: "amx", its matrix registers, where the
// machine has them, that is the default; "vectors"; or "plain", what AMX does in plain C++, to test by.
// Returns which it is; empty in builds that know no AMX. Throws std::invalid_argument for other names.
std::string use_matrices(const std::string& name);

}  // namespace pydarknet
