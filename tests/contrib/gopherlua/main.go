// Run a health script as Argo CD does: `gopherlua OBJECT.lua HEALTH.lua`.
//
// Source of the libraries and of the time limit: runLuaWithResourceActionParameters in Argo CD's util/lua/lua.go. Its os library
// knows the time only; this one has none at all. The first file sets the global variable obj, with no limit and no rights more.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	lua "github.com/yuin/gopher-lua"
)

func run(object, script string) (map[string]string, error) {
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for name, open := range map[string]lua.LGFunction{
		lua.LoadLibName: lua.OpenPackage, lua.BaseLibName: lua.OpenBase, lua.TabLibName: lua.OpenTable,
	} {
		err := state.CallByParam(lua.P{Fn: state.NewFunction(open), Protect: true}, lua.LString(name))
		if err != nil {
			return nil, err
		}
	}
	if err := state.DoFile(object); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	state.SetContext(limited)
	if err := state.DoFile(script); err != nil {
		return nil, err
	}
	table, isTable := state.Get(-1).(*lua.LTable)
	if !isTable {
		return nil, fmt.Errorf("not a table but %s", state.Get(-1).Type())
	}
	health := map[string]string{}
	var wrong error
	table.ForEach(func(key, value lua.LValue) {
		if key.Type() != lua.LTString || value.Type() != lua.LTString {
			wrong = fmt.Errorf("%s is a %s", key, value.Type())
		}
		health[key.String()] = value.String()
	})
	return health, wrong
}

func main() {
	health, err := run(os.Args[1], os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(health)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
