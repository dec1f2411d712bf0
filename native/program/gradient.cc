// libtorch's autograd, as eager code and program nodes use it.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/alias.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "program/nodes.h"
#include "tensor/error.h"

namespace torchlayers {

std::vector<at::Tensor> make_leaves(const std::vector<at::Tensor>& sources) {
  std::vector<at::Tensor> leaves;
  leaves.reserve(sources.size());
  for (const auto& source : sources) {
    // A tensor that an enclosing gradient watches stays connected to it; any other starts a graph of its own.
    if (source.requires_grad() && at::GradMode::is_enabled()) {
      leaves.push_back(at::alias(source));
    } else {
      leaves.push_back(source.detach().set_requires_grad(true));
    }
  }
  return leaves;
}

std::vector<at::Tensor> gradients(const std::vector<at::Tensor>& targets, const std::vector<at::Tensor>& seeds,
                                  const std::vector<at::Tensor>& leaves, bool create_graph) {
  std::vector<at::Tensor> results(leaves.size());
  std::vector<at::Tensor> watched;
  for (const auto& target : targets) {
    if (target.requires_grad()) watched.push_back(target);
  }
  if (!watched.empty() && watched.size() == targets.size()) {
    results = torch::autograd::grad(targets, leaves, seeds, create_graph, create_graph, /*allow_unused=*/true);
  } else if (!watched.empty()) {
    std::vector<at::Tensor> watched_seeds;
    for (size_t i = 0; i < targets.size() && !seeds.empty(); ++i) {
      if (targets[i].requires_grad()) watched_seeds.push_back(seeds[i]);
    }
    results = torch::autograd::grad(watched, leaves, watched_seeds, create_graph, create_graph, true);
  }
  for (size_t i = 0; i < leaves.size(); ++i) {
    if (!results[i].defined()) results[i] = at::zeros_like(leaves[i].detach());
  }
  return results;
}

namespace {

struct CustomGradient : torch::autograd::Function<CustomGradient> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context, at::TensorList given,
                                                ProgramPtr program, ProgramPtr backward, int64_t results) {
    const std::vector<at::Tensor> inputs = given.vec();
    auto outputs = program->run(inputs);
    torch::autograd::variable_list saved = inputs;
    saved.insert(saved.end(), outputs.begin() + results, outputs.end());
    outputs.resize(results);
    // A result must not be the very tensor that came in: autograd would mix up the two.
    for (auto& output : outputs) {
      for (const auto& input : inputs) {
        if (output.is_same(input)) output = at::alias(output);
      }
    }
    context->save_for_backward(saved);
    context->saved_data["inputs"] = static_cast<int64_t>(inputs.size());
    context->saved_data["results"] = results;
    auto holder = c10::make_intrusive<Holder>(std::move(program), std::move(backward));
    for (const auto& variable : holder->forward->variables) holder->variables.push_back(variable->read());
    context->saved_data["programs"] = c10::IValue::make_capsule(std::move(holder));
    return outputs;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list seeds) {
    const auto capsule = context->saved_data["programs"].toCapsule();
    auto& programs = static_cast<Holder&>(*capsule);
    const Program& program = *programs.backward;
    torch::autograd::variable_list inputs;
    for (size_t i = 0; i < seeds.size(); ++i) {
      const auto& info = program.inputs[i];
      inputs.push_back(seeds[i].defined()
                           ? seeds[i]
                           : at::zeros(info.sizes, at::TensorOptions().dtype(info.dtype).device(info.device)));
    }
    auto saved = context->get_saved_variables();
    const int64_t given = context->saved_data["inputs"].toInt();
    if (at::GradMode::is_enabled()) {
      // The gradient is differentiated again. What the first run kept has no graph: run the function once more,
      // watched.
      if (!programs.forward->pure()) {
        throw StateError(
            "customGradient: a second-order gradient needs a function that assigns no Variable and draws no random "
            "numbers.\n  Do that outside and pass the result as an argument.");
      }
      auto variables = programs.variables;
      auto again = programs.forward->run({saved.begin(), saved.begin() + given}, &variables);
      saved.resize(given);
      saved.insert(saved.end(), again.begin() + context->saved_data["results"].toInt(), again.end());
    }
    inputs.insert(inputs.end(), saved.begin() + given, saved.end());
    auto gradients = program.run(std::move(inputs));
    gradients.resize(given + 3);
    return gradients;
  }

  struct Holder : torch::CustomClassHolder {
    Holder(ProgramPtr forward, ProgramPtr backward) : forward(std::move(forward)), backward(std::move(backward)) {}
    ProgramPtr forward;
    ProgramPtr backward;
    // The values of the function's variables when it ran.
    std::vector<at::Tensor> variables;
  };
};

}  // namespace

std::vector<at::Tensor> run_custom_gradient(const ProgramPtr& forward, const ProgramPtr& backward, int results,
                                            const std::vector<at::Tensor>& arguments,
                                            const std::vector<at::Tensor>& captured) {
  auto inputs = arguments;
  inputs.insert(inputs.end(), captured.begin(), captured.end());
  return CustomGradient::apply(at::TensorList(inputs), forward, backward, static_cast<int64_t>(results));
}

}  // namespace torchlayers
