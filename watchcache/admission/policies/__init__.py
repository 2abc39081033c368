"""Admission policies: what ValidatingAdmissionPolicies and MutatingAdmissionPolicies, with their bindings, say of a write in CEL.

`definition` reads them, `invocation` finds out which of them a write concerns and with which parameters, `evaluation` evaluates their expressions;
`validating` and `mutating` are the two plugins. All of it is imported when the first policy is stored (`admission.governing`).

Source: k/k apiserver pkg/admission/plugin/policy; measured on kube-apiserver 1.36.3 (tests/policies).
"""
