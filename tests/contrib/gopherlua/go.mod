module pod-diagnoser/tests/contrib/gopherlua

go 1.23

require github.com/yuin/gopher-lua v1.1.2 // of Argo CD 3.6
