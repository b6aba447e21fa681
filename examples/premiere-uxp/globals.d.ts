/** UXP loads the modules of its host with `require`. */
declare module "premierepro" {
  const premiere: import("@adobe/premierepro").premierepro;
  export = premiere;
}
