//! Real MCP clients and a real identity provider in the lab's Kubernetes: needs root and a running lab.
