// The cluster's name server: CoreDNS with the plugins that the lab needs and no other, so that it builds in seconds.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
)

func main() {
	// The order in which a query meets the plugins.
	dnsserver.Directives = []string{"bind", "errors", "kubernetes"}
	coremain.Run()
}
