#include "bindings/arrays.h"

namespace pydarknet::bindings {

const char* const kArrayInterface = "__array_interface__";

}  // namespace pydarknet::bindings
