// The module under construction, and what surrounds every call of its functions.
#pragma once
#include <pybind11/pybind11.h>

#include <cstddef>
#include <utility>

namespace pydarknet::bindings {

namespace py = pybind11;

// Lives as long as one call from Python. The one interface_*.cpp that the build links says what it does.
class DeviceCall {
 public:
  DeviceCall();
  ~DeviceCall();
  DeviceCall(const DeviceCall&) = delete;
  DeviceCall& operator=(const DeviceCall&) = delete;
};

// Lets other threads of Python run while it lives. At its end a thread that Python has done with, a daemon at
// exit, is unwound from here until Python 3.14, which a destructor has to allow: pybind11's own would end the
// process.
class WithoutGil {
 public:
  WithoutGil() : state_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  ~WithoutGil() noexcept(false) { PyEval_RestoreThread(state_); }

 private:
  PyThreadState* const state_;
};

// An argument of the running call: memory its kernels may read, and write if `writable`.
void note_array(const char* argument, const void* data, std::size_t bytes, bool writable);

class Module : public py::module_ {
 public:
  explicit Module(const py::module_& module) : py::module_(module) {}

  template <class F, class... Extra>
  Module& def(const char* name, F&& function, const Extra&... extra) {
    py::module_::def(name, std::forward<F>(function), py::call_guard<DeviceCall>(), extra...);
    return *this;
  }
};

// Entries of one op. A constant in the op's file is all that the module needs to have them.
class Binding {
 public:
  explicit Binding(void (*fill)(Module&)) : fill_(fill), next_(first_) { first_ = this; }
  // Calls all of them.
  static void fill_module(Module& m) {
    for (const Binding* each = first_; each; each = each->next_) each->fill_(m);
  }

 private:
  static const Binding* first_;
  void (*fill_)(Module&);
  const Binding* next_;
};

}  // namespace pydarknet::bindings
