r"""Kubernetes' protobuf encoding of the built-in kinds: bodies of Go clients to documents, and documents to answers.

A body is `k8s\0` and an envelope that states the kind; the message in it has the same fields as the JSON document under numbers. `decode`
and its siblings give the document that the JSON of the same object would give. Custom resources have no messages.
"""

from watchcache.api.protobuf.envelope import decode, decode_object, decode_options, encode, watch_frame
from watchcache.api.protobuf.lists import ListEncoder
from watchcache.api.protobuf.wire import MalformedMessageError

__all__ = [
    "ListEncoder",
    "MalformedMessageError",
    "decode",
    "decode_object",
    "decode_options",
    "encode",
    "watch_frame",
]
