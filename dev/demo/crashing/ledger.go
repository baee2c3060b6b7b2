// A program of the demo that ends with a panic.
package main

import "fmt"

func book(balance, amount int) int {
	if amount > balance {
		panic(fmt.Sprintf("the balance would be %d", balance-amount))
	}
	return balance - amount
}

func main() {
	fmt.Println("ledger begins with a balance of 10")
	fmt.Println(book(10, 12))
}
