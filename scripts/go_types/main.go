// Prints what Go's reflection knows of the Kubernetes API types and OpenAPI does not: one JSON line a struct.
package main

import (
	"encoding/json"
	"os"
	"reflect"
	"sort"
	"strings"

	apiext "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes/scheme"
	apireg "k8s.io/kube-aggregator/pkg/apis/apiregistration/v1"
)

type field struct {
	Type, Kind, Embedded                   string
	Pointer, Omitempty, Omitzero, Marshals bool
}

var seen = map[reflect.Type]bool{}
var out = map[string]map[string]field{}

func name(t reflect.Type) string { return t.PkgPath() + "." + t.Name() }

func elem(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	return t
}

func walk(t reflect.Type) {
	t = elem(t)
	if t.Kind() != reflect.Struct || seen[t] || t.PkgPath() == "" {
		return
	}
	seen[t] = true
	fields := map[string]field{}
	collect(t, "", fields)
	out[name(t)] = fields
}

func collect(t reflect.Type, prefix string, fields map[string]field) {
	for i := 0; i < t.NumField(); i++ {
		f := t.Field(i)
		if !f.IsExported() && !f.Anonymous {
			continue
		}
		tag := strings.Split(f.Tag.Get("json"), ",")
		if tag[0] == "-" {
			continue
		}
		if f.Anonymous && tag[0] == "" && elem(f.Type).Kind() == reflect.Struct {
			p := prefix + f.Name + "."
			collect(elem(f.Type), p, fields)
			continue
		}
		n := tag[0]
		if n == "" {
			n = f.Name
		}
		x := field{Embedded: prefix}
		ft := f.Type
		if ft.Kind() == reflect.Pointer {
			x.Pointer = true
			ft = ft.Elem()
		}
		x.Type = ft.String()
		x.Kind = ft.Kind().String()
		_, x.Marshals = reflect.New(ft).Interface().(json.Unmarshaler)
		for _, o := range tag[1:] {
			if o == "omitempty" {
				x.Omitempty = true
			}
			if o == "omitzero" {
				x.Omitzero = true
			}
		}
		fields[n] = x
		walk(f.Type)
	}
}

func main() {
	s := scheme.Scheme
	_ = apiext.AddToScheme(s)
	_ = apireg.AddToScheme(s)
	for _, t := range s.AllKnownTypes() {
		walk(t)
	}
	names := []string{}
	for n := range out {
		names = append(names, n)
	}
	sort.Strings(names)
	e := json.NewEncoder(os.Stdout)
	for _, n := range names {
		_ = e.Encode(map[string]any{"name": n, "fields": out[n]})
	}
}
