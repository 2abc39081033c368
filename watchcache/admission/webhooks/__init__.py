"""Admission webhooks: what MutatingWebhookConfigurations and ValidatingWebhookConfigurations ask of others over the network.

`configuration` reads them, `review` says what is sent and what an answer means, `invocation` finds out who is to be asked and asks,
`mutating` and `validating` are the two plugins. All of it is imported when the first configuration is stored (`admission.outside`).

Source: k/k apiserver pkg/admission/plugin/webhook; measured on kube-apiserver 1.36.3 (tests/webhooks).
"""
